import { generationName } from '@endless/core/for-cli'
import type { Client } from '../control/client.js'

// The command `endless rollback`.

/**
 * Rolls back the version that is on probation. Returns what to print.
 *
 * @param reason stands in the log, in the status and in the failure of the restart
 * @throws (rejects) {Failure} if nothing is on probation
 */
export async function rollback(client: Client, reason: string): Promise<string> {
  // Asked first: a service that speaks another version must not be told to do anything.
  await client.status()
  await client.order(`/rollback?reason=${encodeURIComponent(reason)}`)
  const { generations } = await client.status()
  const serving = generations.find(({ state }) => state === 'running')
  return serving ? `${generationName(serving)} serves again` : 'the old version serves again'
}
