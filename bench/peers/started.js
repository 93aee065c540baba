import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, startProgram } from '@endless/load'
import { createRun } from './run.js'

const deadlineMs = 60_000
/** How long all workers may take to answer, once one has. */
const othersMs = 5_000

/** Starts a peer; resolves when all its workers answer. */
export async function startPeer(peer, where) {
  const run = createRun(peer, where)
  const port = await freePort()
  const [command, ...args] = run.command
  const program = startProgram({ command, args, env: { PORT: String(port) } })
  const endsMs = performance.now() + deadlineMs
  const seen = new Set()
  let answersMs
  for (;;) {
    const answer = await ask(port)
    const nowMs = performance.now()
    if (answer?.status === 200) {
      answersMs ??= nowMs
      seen.add(answer.pid)
      // The others would start what is deployed next.
      if (seen.size >= (where.workers ?? peer.workers) || nowMs > answersMs + othersMs) break
    }
    if (nowMs > endsMs) throw new Error(`${peer.name} does not answer\n${program.output}`)
    await sleep(answer ? 5 : 50)
  }
  return {
    run,
    program,
    port,
    async end() {
      await program.end()
      run.remove()
    },
  }
}

/** Resolves with the answer to one request on a fresh connection; `undefined` if it fails, or takes a second. */
export function ask(port) {
  return new Promise((resolve) => {
    const request = http.get(
      { port, host: '127.0.0.1', agent: false, timeout: 1_000 },
      (response) => {
        const { 'x-pid': pid, 'x-release': release } = response.headers
        response.resume().on('end', () => resolve({ status: response.statusCode, pid, release }))
      },
    )
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(undefined))
  })
}
