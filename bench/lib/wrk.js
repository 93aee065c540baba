import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * Resolves with requests per second under wrk, a Debian package: one thread of it asks for more than
 * a server can do, so that it is the server that is measured. `seconds` is a whole number.
 */
export async function requestsPerSecond(port, { seconds, connections = 50 }) {
  const { stdout } = await run('wrk', [
    ...['--threads', '1', '--connections', String(connections), '--duration', `${seconds}s`],
    `http://127.0.0.1:${port}/`,
  ]).catch((error) => {
    if (error.code !== 'ENOENT') throw error
    throw new Error('Cannot measure throughput without wrk: apt-get install wrk', { cause: error })
  })
  const rate = /^Requests\/sec:\s+([\d.]+)$/m.exec(stdout)
  if (!rate || /Socket errors|Non-2xx/.test(stdout)) {
    throw new Error(`requests failed under wrk:\n${stdout}`)
  }
  return Number(rate[1])
}
