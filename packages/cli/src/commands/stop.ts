import type { Client } from '../control/client.js'
import type { Progress } from '../control/progress.js'

/** Shuts a service down as SIGTERM does; gives what to print. */
export async function stop(client: Client, waits: boolean, progress: Progress): Promise<string> {
  // Asked first: one that speaks another version must not be told anything.
  const { pid } = await client.status()
  await client.order(`/stop?wait=${waits ? 'drained' : 'none'}`, () => {
    progress.step(`waiting for the end of pid ${String(pid)} …`)
  })
  return waits ? `pid ${String(pid)} has ended` : `pid ${String(pid)} has been told to stop`
}
