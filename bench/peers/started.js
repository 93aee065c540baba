import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, startProgram } from '@endless/load'
import { createRun } from './run.js'

const deadlineMs = 60_000

/** Starts a peer; resolves when it answers. */
export async function startPeer(peer, where) {
  const run = createRun(peer, where)
  const port = await freePort()
  const [command, ...args] = run.command
  const program = startProgram({ command, args, env: { PORT: String(port) } })
  const endsMs = performance.now() + deadlineMs
  while ((await ask(port)) !== 200) {
    if (performance.now() > endsMs)
      throw new Error(`${peer.name} does not answer\n${program.output}`)
    await sleep(50)
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

/** Resolves with the status of one request on a fresh connection; `undefined` if it fails, or takes a second. */
export function ask(port) {
  return new Promise((resolve) => {
    const request = http.get(
      { port, host: '127.0.0.1', agent: false, timeout: 1_000 },
      (response) => {
        response.resume().on('end', () => resolve(response.statusCode))
      },
    )
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(undefined))
  })
}
