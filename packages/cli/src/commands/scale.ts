import type { Client } from '../control/client.js'
import type { Progress } from '../control/progress.js'

/** Runs `endless scale`: changes how many workers a service has. Returns what to print. */
export async function scale(client: Client, workers: number, progress: Progress): Promise<string> {
  // Asked first: a service that speaks another version must not be told to do anything.
  await client.status()
  const counted = `${String(workers)} ${workers === 1 ? 'worker' : 'workers'}`
  await client.order(`/scale?workers=${String(workers)}`, () => {
    progress.step(`waiting until ${counted} serve …`)
  })
  return `the service has ${counted}`
}
