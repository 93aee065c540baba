import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const EVERY_MS = 1
const DEADLINE_MS = 30_000

/**
 * Sends requests, each on a new connection, until a process other than `exceptPid` answers. Resolves with
 * the milliseconds from `fromMs` (of `performance.now()`) to this answer.
 */
export async function firstAnswer(port, fromMs, exceptPid) {
  for (;;) {
    const pid = await ask(port)
    const afterMs = performance.now() - fromMs
    if (pid !== undefined && pid !== exceptPid) return afterMs
    if (afterMs > DEADLINE_MS) throw new Error(`first answer: not within ${DEADLINE_MS} ms`)
    await sleep(EVERY_MS)
  }
}

function ask(port) {
  return new Promise((resolve) => {
    const request = http.get({ host: '127.0.0.1', port, agent: false })
    request.on('response', (response) => {
      response.resume()
      response.on('end', () => resolve(Number(response.headers['x-pid'])))
    })
    // Nothing listens yet: the caller asks again.
    request.on('error', () => resolve(undefined))
  })
}
