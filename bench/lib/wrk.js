import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * Puts load on a server with wrk, a Debian package. One thread of wrk requests more than a server can
 * answer, so the server is the bottleneck. Resolves with the number of answered requests, and the seconds.
 *
 * @param {number} port of the server
 * @param {{ seconds: number, connections?: number }} options `seconds` is a whole number
 */
export async function loadWithWrk(port, { seconds, connections = 50 }) {
  const { stdout } = await run('wrk', [
    ...['--threads', '1', '--connections', String(connections), '--duration', `${seconds}s`],
    `http://127.0.0.1:${port}/`,
  ]).catch((error) => {
    if (error.code !== 'ENOENT') throw error
    throw new Error('Cannot measure throughput without wrk: apt-get install wrk', { cause: error })
  })
  const rate = /^Requests\/sec:\s+([\d.]+)$/m.exec(stdout)
  const requests = /(\d+) requests in/.exec(stdout)
  if (!rate || !requests || /Socket errors|Non-2xx/.test(stdout)) {
    throw new Error(`requests failed under wrk:\n${stdout}`)
  }
  const perSecond = Number(rate[1])
  return { requests: Number(requests[1]), seconds: Number(requests[1]) / perSecond }
}
