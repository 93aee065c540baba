import { readFileSync } from 'node:fs'

/** Returns the resident memory of a process (RSS). */
export function memoryBytes(pid) {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(kilobytes) * 1024
}
