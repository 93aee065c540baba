import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

// The processes of a server, and the ports on which they listen, from /proc. Elsewhere than on Linux only its own
// process is known.

interface Stat {
  pid: number
  parent: number
  group: number
}

/** Lists a process, its group and its descendants, of those that live; without a process, those that are known. */
export function familyOf(leader: number | undefined, known: ReadonlySet<number>): number[] {
  const stats = namesIn('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => statOf(Number(name)) ?? [])
  const family = new Set<number>()
  const isOwn = ({ pid, parent, group }: Stat): boolean =>
    pid === leader || group === leader || known.has(pid) || family.has(parent)
  for (let before = -1; before < family.size;) {
    before = family.size
    for (const stat of stats) if (isOwn(stat)) family.add(stat.pid)
  }
  return [...family]
}

/** Whether a process has a variable in the environment that it was started with. */
export function hasVariable(pid: number, name: string, value: string): boolean {
  const variable = `${name}=${value}`
  if (process.platform === 'linux') {
    return textOf(`/proc/${pid}/environ`).split('\0').includes(variable)
  }
  // After the arguments, and only of one's own processes (BSD, macOS).
  const { stdout } = spawnSync('ps', ['eww', '-o', 'command=', '-p', String(pid)])
  return stdout.toString().split(/\s/).includes(variable)
}

/** Whether a process lives. One that waits to be reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  return process.platform !== 'linux' || statOf(pid) !== undefined
}

/** Lists the TCP ports on which the processes listen. */
export function portsOf(pids: readonly number[]): number[] {
  const inodes = new Set(
    pids.flatMap((pid) =>
      namesIn(`/proc/${pid}/fd`).flatMap((fd) => inodeOf(`/proc/${pid}/fd/${fd}`) ?? []),
    ),
  )
  const ports = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
    textOf(file)
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      // sl local_address rem_address st … inode; 0A is LISTEN
      .filter(({ 3: state, 9: inode = '' }) => state === '0A' && inodes.has(inode))
      .map(({ 1: local = '' }) => Number.parseInt(local.split(':')[1] ?? '', 16)),
  )
  return [...new Set(ports)]
}

function statOf(pid: number): Stat | undefined {
  const text = textOf(`/proc/${pid}/stat`)
  // The name of the program is in parentheses, and may itself contain some.
  const [state, parent, group] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  if (!state || state === 'Z' || state === 'X') return undefined
  return { pid, parent: Number(parent), group: Number(group) }
}

function inodeOf(link: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(link))?.[1]
  } catch {
    return undefined // closed since it was listed
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return '' // gone, or no Linux
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return [] // gone, another user's, or no Linux
  }
}
