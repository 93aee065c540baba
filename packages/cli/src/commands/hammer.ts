import type { Client } from '../control/client.js'

/** Destroys the connections of what drains, as SIGUSR2 does; gives what to print. */
export async function hammer(client: Client): Promise<string> {
  // Asked first: one that speaks another version must not be told anything.
  await client.status()
  const { hammered } = await client.order<{ hammered: number[] }>('/hammer')
  if (hammered.length === 0) return 'nothing drains: there is nothing to hammer'
  return `the hammer has fallen on generation ${hammered.join(', ')}`
}
