import {
  generationName,
  type ListedGeneration,
  type RestartReport,
  type ServiceStatus,
} from '@endless/core/for-cli'
import type { Client } from '../control/client.js'
import type { Progress } from '../control/progress.js'

/** Until when `endless restart` waits. */
export type RestartWait = 'ready' | 'drained' | 'none'

/**
 * Restarts a service; gives what to print.
 *
 * @throws {Failure} with the reason if the old generation serves on
 */
export async function restart(
  client: Client,
  wait: RestartWait,
  progress: Progress,
): Promise<string> {
  // Asked first: one that speaks another version must not be told anything.
  const old = serving(await client.status())
  const name = old ? generationName(old) : 'the service'
  const steps = [
    `restarting ${name} …`,
    'the new generation serves; waiting for the end of the old …',
  ]
  const report = await client.order<RestartReport>(`/restart?wait=${wait}`, (step) => {
    progress.step(steps[step] ?? '')
  })
  if (wait === 'none') return `${name} has been told to restart`
  return (
    `${generationName(report)} has taken over after ${String(report.durationMs)} ms` +
    (wait === 'drained' ? ', and the old one is gone' : '')
  )
}

/** Returns the generation that serves: the oldest of those that do not shut down. */
function serving({ generations }: ServiceStatus): ListedGeneration | undefined {
  return generations.find(({ state }) => state === 'running' || state === 'restarting')
}
