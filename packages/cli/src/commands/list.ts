import { oneLine, printableJson } from '@endless/core/for-cli'
import type { Asker } from '../control/asker.js'
import { Failure } from '../control/failure.js'
import { type NamedService, namedServices } from '../control/named-services.js'
import { stateOf } from '../control/service-state.js'
import { formatAge } from '../supervisor/amounts.js'
import { formatTable } from './format.js'
import type { StatusText } from './status.js'

// The list of a user's services.

const titles = ['NAME', 'PID', 'STATE', 'AGE', 'GENERATION', 'LISTENERS', 'DIRECTORY']

/**
 * Returns the list of a user's services that have a name, as text for people or with `isJson` for programs.
 *
 * @throws (rejects) {Failure} if there is none
 */
export async function list(asker: Asker, isJson: boolean): Promise<StatusText> {
  const services = await namedServices(asker)
  if (services.length === 0 && !isJson) {
    throw new Failure(
      'absent',
      'no service of yours has a name: start one with endless run <script>',
    )
  }
  const text = isJson ? printableJson(services.map(toJson), 2) : formatList(services)
  return { text, isServing: true }
}

/** Formats a list: a line for each service. */
export function formatList(services: readonly NamedService[]): string {
  const lines = formatTable(titles, services.map(row))
  const reasons = services.flatMap(({ name, told }) =>
    told instanceof Failure ? [`${name}: ${told.message}`] : [],
  )
  return [...lines, ...(reasons.length > 0 ? ['', ...reasons] : [])]
    .map((line) => oneLine(line))
    .join('\n')
}

function row({ name, told }: NamedService): string[] {
  if (told instanceof Failure) return [name, '', 'cannot be asked', '', '', '', '']
  const { pid, supervisor, generations } = told
  const current = generations.find(({ state }) => state === 'running' || state === 'restarting')
  const listeners = current?.servers.flatMap(({ address }) => address ?? []) ?? []
  return [
    name,
    String(pid),
    stateOf(told),
    formatAge(supervisor?.uptimeMs ?? 0),
    current ? String(current.number) : '',
    listeners.join(', '),
    supervisor?.directory ?? '',
  ]
}

function toJson({ name, control, told }: NamedService): object {
  const isUnknown = told instanceof Failure
  return { name, control, status: isUnknown ? null : told, error: isUnknown ? told.message : null }
}
