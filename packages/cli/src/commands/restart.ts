import {
  generationName,
  type ListedGeneration,
  type RestartReport,
  type ServiceStatus,
} from '@endless/core/for-cli'
import type { Client } from '../control/client.js'
import type { Progress } from '../control/progress.js'

// The command `endless restart`.

/** What `endless restart` waits for: the new version serves, the old one is gone, or nothing. */
export type RestartWait = 'ready' | 'drained' | 'none'

export interface RestartRequest {
  wait: RestartWait
  /** Whether the new version may listen on none of the addresses of the old one. */
  allowAddressChange: boolean
}

/**
 * Restarts a service. Returns what to print.
 *
 * @throws (rejects) {Failure} with the reason if the restart failed
 */
export async function restart(
  client: Client,
  { wait, allowAddressChange }: RestartRequest,
  progress: Progress,
): Promise<string> {
  // Asked first: a service that speaks another version must not be told to do anything.
  const old = serving(await client.status())
  const name = old ? generationName(old) : 'the service'
  const steps = [
    `restarting ${name} …`,
    'the new generation serves; waiting for the old one to end …',
  ]
  const target = `/restart?wait=${wait}${allowAddressChange ? '&allowAddressChange' : ''}`
  const report = await client.order<RestartReport>(target, (step) => {
    progress.step(steps[step] ?? '')
  })
  if (wait === 'none') return `${name} has been told to restart`
  return (
    `${generationName(report)} has taken over after ${String(report.durationMs)} ms` +
    (wait === 'drained' ? ', and the old one is gone' : '') +
    droppedText(report)
  )
}

/** Says which addresses are gone. A service of an earlier version does not tell. */
function droppedText({ dropped = [] }: Partial<RestartReport>): string {
  return dropped.length === 0 ? '' : `; nothing listens on ${dropped.join(', ')} any more`
}

/** Returns the generation that serves: the oldest that is not shutting down. */
function serving({ generations }: ServiceStatus): ListedGeneration | undefined {
  return generations.find(({ state }) => state === 'running' || state === 'restarting')
}
