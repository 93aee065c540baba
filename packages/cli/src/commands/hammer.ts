import type { Client } from '../control/client.js'

/** Runs `endless hammer`: destroys the connections of a drain, as SIGUSR2 does. Returns what to print. */
export async function hammer(client: Client): Promise<string> {
  // Asked first: a service that speaks another version must not be told to do anything.
  await client.status()
  const { hammered } = await client.order<{ hammered: number[] }>('/hammer')
  if (hammered.length === 0) return 'nothing drains: there is nothing to hammer'
  return `the hammer has fallen on generation ${hammered.join(', ')}`
}
