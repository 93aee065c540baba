import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * Loads a server with wrk, a Debian package: one thread of it asks for more than a server can do, so
 * that it is the server that is measured. Resolves with how many requests were answered in how many
 * seconds, and the microseconds of CPU time that the process took for them, in all its threads.
 *
 * @param {{ pid: number, port: number }} server
 * @param {{ seconds: number, connections?: number }} options `seconds` is a whole number
 */
export async function loadWithWrk({ pid, port }, { seconds, connections = 50 }) {
  const before = cpuMicroseconds(pid)
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
  return {
    requests: Number(requests[1]),
    seconds: Number(requests[1]) / perSecond,
    cpuMicroseconds: cpuMicroseconds(pid) - before,
  }
}

/** Of all threads that live; those of Node live as long as the process. */
function cpuMicroseconds(pid) {
  const tasks = `/proc/${pid}/task`
  return readdirSync(tasks)
    .map((task) => Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]) / 1_000)
    .reduce((sum, time) => sum + time)
}
