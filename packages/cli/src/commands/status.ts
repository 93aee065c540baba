import type { ListedGeneration, ServiceStatus } from '@endless/core/supervision'
import type { Client } from '../control/client.js'
import { describeDeath } from '../supervisor/death.js'
import { formatAge, formatBytes, formatTable } from './format.js'

/** Tells how a service is, for people or, with `isJson`, for programs; gives what to print. */
export async function status(client: Client, isJson: boolean): Promise<string> {
  const told = await client.status()
  return isJson ? JSON.stringify(told, null, 2) : formatStatus(told)
}

/** `GENERATION  PID  STATE …`, with the last restart and the last death below. */
export function formatStatus(told: ServiceStatus): string {
  const { supervisor } = told
  return [
    supervisor
      ? `supervisor pid ${String(supervisor.pid)}, up ${formatAge(supervisor.uptimeMs)}, ` +
        formatBytes(supervisor.memoryBytes)
      : `pid ${String(told.pid)}, without a supervisor`,
    '',
    formatTable(
      ['GENERATION', 'PID', 'STATE', 'AGE', 'MEMORY', 'IN FLIGHT'],
      told.generations.map((each) => [
        String(each.number),
        String(each.pid),
        each.state,
        formatAge(each.uptimeMs),
        each.memoryBytes === null ? '-' : formatBytes(each.memoryBytes),
        String(each.servers.reduce((sum, { requests }) => sum + requests, 0)),
      ]),
    ),
    '',
    formatTable(
      ['LISTENER', 'GENERATION', 'OPEN', 'IDLE', 'BUSY', 'UPGRADED', 'HTTP/2', 'HANDSHAKING'],
      told.generations.flatMap(listenerRows),
    ),
    '',
    `last restart: ${describeRestart(told)}`,
    ...deathLines(told),
  ].join('\n')
}

function listenerRows({ number, servers }: ListedGeneration): string[][] {
  return servers.map(({ address, connections }) => {
    const { open, idle, busy, upgraded, http2, handshaking } = connections
    const counts = [open, idle, busy, upgraded, http2, handshaking].map(String)
    return [address ?? '(closed)', String(number), ...counts]
  })
}

function describeRestart({ lastRestart }: ServiceStatus): string {
  if (!lastRestart) return 'none'
  const { outcome, number, durationMs, agoMs, error } = lastRestart
  const ago = `${formatAge(agoMs)} ago`
  if (error) return `failed ${ago}: ${error.code}: ${error.message}`
  const duration = durationMs === null ? '' : ` after ${String(durationMs)} ms`
  return `generation ${String(number)} has ${outcome === 'failed' ? 'failed' : 'taken over'}${duration}, ${ago}`
}

function deathLines({ lastDeath }: ServiceStatus): string[] {
  if (!lastDeath) return []
  const { number, pid, agoMs, stderr } = lastDeath
  const name = `generation ${String(number)} (pid ${String(pid)})`
  return [
    `last death: ${name} ${describeDeath(lastDeath)}, ${formatAge(agoMs)} ago`,
    ...stderr.map((line) => `  | ${line}`),
  ]
}
