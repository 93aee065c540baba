import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

// Who answers new connections.

/** Where a server listens: a port on loopback or the path of a Unix socket. */
export type Address = number | string

/** How often each process answered, by its pid, or how often nobody did, by the reason. */
export type Answers = Map<string, number>

/** Asks once, on a connection of its own; resolves with the pid that answered, or the reason why none did. */
export function ask(address: Address, path = '/', deadlineMs = 10_000): Promise<string> {
  return new Promise((resolve) => {
    const request = http.request({
      ...(typeof address === 'number'
        ? { host: '127.0.0.1', port: address }
        : { socketPath: address }),
      path,
      agent: false,
      signal: AbortSignal.timeout(deadlineMs),
    })
    const fail = (error: NodeJS.ErrnoException) =>
      resolve(`nobody at ${address} (${error.code ?? error.message})`)
    request.on('error', fail)
    request.on('response', (response) => {
      response.on('error', fail)
      response.on('end', () => resolve(String(response.headers['x-pid'])))
      response.resume()
    })
    request.end()
  })
}

/** Asks at each address so many times, some at once and over some time; resolves with who answered. */
export async function whoAnswers(addresses: readonly Address[], times = 24): Promise<Answers> {
  const answers: Answers = new Map()
  const atOnce = 8
  for (let asked = 0; asked < times; asked += atOnce) {
    const batch = addresses.flatMap((address) => Array.from({ length: atOnce }, () => ask(address)))
    for (const who of await Promise.all(batch)) answers.set(who, (answers.get(who) ?? 0) + 1)
    // Of two processes that accept, the quicker one may take a whole batch.
    await sleep(20)
  }
  return answers
}
