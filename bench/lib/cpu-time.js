import { readdirSync, readFileSync } from 'node:fs'

/** Adds up the CPU time of all live threads of a process, in microseconds; Node's threads live as long as the process. */
export function cpuMicroseconds(pid) {
  const tasks = `/proc/${pid}/task`
  return readdirSync(tasks)
    .map((task) => Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]) / 1_000)
    .reduce((sum, time) => sum + time)
}
