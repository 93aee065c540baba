import type { Client } from '../control/client.js'
import type { Progress } from '../control/progress.js'

/** Runs `endless stop`: shuts a service down as SIGTERM does. Returns what to print. */
export async function stop(client: Client, waits: boolean, progress: Progress): Promise<string> {
  // Asked first: a service that speaks another version must not be told to do anything.
  const { pid } = await client.status()
  await client.order(`/stop?wait=${waits ? 'drained' : 'none'}`, () => {
    progress.step(`waiting for pid ${String(pid)} to end …`)
  })
  return waits ? `pid ${String(pid)} has ended` : `pid ${String(pid)} has been told to stop`
}
