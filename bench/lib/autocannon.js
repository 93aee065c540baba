import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const path = fileURLToPath(import.meta.resolve('autocannon'))

/** Resolves with requests per second; the load comes from a process of its own. */
export async function requestsPerSecond(port, { seconds, connections = 50 }) {
  const { stdout } = await run(process.execPath, [
    path,
    ...['--json', '--connections', String(connections), '--duration', String(seconds)],
    `http://127.0.0.1:${port}/`,
  ])
  const { requests, duration, errors, timeouts, non2xx } = JSON.parse(stdout)
  if (errors + timeouts + non2xx > 0) throw new Error(`requests failed under autocannon: ${stdout}`)
  return requests.total / duration
}
