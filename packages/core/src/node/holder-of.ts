import { readdir, readFile, readlink } from 'node:fs/promises'

// Which process of this service has a socket open: this process, or one that it has started.

/** An address that is in use: a port, or the path of a Unix socket. `kind` is unset if either could be meant. */
export type TakenAddress = { kind: 'tcp' | 'udp' | undefined; port: number } | { path: string }

/** A process that has a socket open, and the kind of that socket. */
export interface Holder {
  pid: number
  kind: 'tcp' | 'udp' | 'unix'
}

/** Tables of the kernel (proc(5), /proc/pid/net), and the state of a socket there that has its port bound. */
const tables = [
  { name: 'tcp', kind: 'tcp', state: '0A' }, // listens
  { name: 'tcp6', kind: 'tcp', state: '0A' },
  { name: 'udp', kind: 'udp', state: undefined },
  { name: 'udp6', kind: 'udp', state: undefined },
] as const

/** How many links are read at a time: a process may have many thousand descriptors, and also serves. */
const atOnce = 64

/**
 * Finds the process that has an address, among a process and those that it has started. `undefined` if it is
 * none of them, or where that cannot be told (no procfs).
 */
export async function holderOf(taken: TakenAddress, pid: number): Promise<Holder | undefined> {
  try {
    const sockets = await ('path' in taken ? atPath(taken.path) : atPort(taken))
    if (sockets.size === 0) return undefined
    for (const each of await family(pid)) {
      const kind = await kindOpenIn(each, sockets)
      if (kind) return { pid: each, kind }
    }
  } catch {
    // No procfs, or a process has just ended.
  }
  return undefined
}

/**
 * Whether another process has a socket of this process open. `false` where it cannot be told.
 *
 * @param except pids of processes that do not count
 */
export async function isHeldElsewhere(fd: number, except: readonly number[]): Promise<boolean> {
  try {
    const inode = inodeIn(await readlink(`/proc/self/fd/${String(fd)}`))
    const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
    const others = processes.filter((pid) => !except.includes(pid))
    for (const pid of others) if (await kindOpenIn(pid, new Map([[inode, 'tcp']]))) return true
  } catch {
    // No procfs, or the socket is closed.
  }
  return false
}

/** Kinds of sockets by their inode. */
type Sockets = Map<string, Holder['kind']>

async function atPort({
  kind,
  port,
}: {
  kind: string | undefined
  port: number
}): Promise<Sockets> {
  const found: Sockets = new Map()
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  for (const table of tables) {
    if (kind !== undefined && kind !== table.kind) continue
    const rows = await rowsOf(table.name, `:${wanted} `)
    for (const [, local, , state, , , , , , inode] of rows) {
      const isBound = table.state === undefined || state === table.state
      if (inode && isBound && local?.endsWith(`:${wanted}`)) found.set(inode, table.kind)
    }
  }
  return found
}

async function atPath(path: string): Promise<Sockets> {
  const rows = (await rowsOf('unix', path)).filter((columns) => columns.slice(7).join(' ') === path)
  return new Map(rows.map(([, , , , , , inode = '']) => [inode, 'unix']))
}

/** Returns the columns of the rows with some text: a busy machine has ten thousands of closed connections there. */
async function rowsOf(table: string, part: string): Promise<string[][]> {
  const text = await readFile(`/proc/self/net/${table}`, 'utf8').catch(() => '') // no IPv6
  const rows = text.split('\n').filter((row) => row.includes(part))
  return rows.map((row) => row.trim().split(/\s+/))
}

/** Returns a process, its children, theirs, and so on. */
async function family(pid: number): Promise<number[]> {
  const found = [pid]
  for (const each of found) {
    const children = `/proc/${String(each)}/task/${String(each)}/children`
    const text = await readFile(children, 'utf8').catch(() => '') // it has ended
    found.push(...text.split(' ').filter(Boolean).map(Number))
  }
  return found
}

async function kindOpenIn(pid: number, sockets: Sockets): Promise<Holder['kind'] | undefined> {
  const directory = `/proc/${String(pid)}/fd`
  const names = await readdir(directory).catch(() => []) // it has ended, or has other rights
  for (let index = 0; index < names.length; index += atOnce) {
    const links = await Promise.all(
      names
        .slice(index, index + atOnce)
        .map((name) => readlink(`${directory}/${name}`).catch(() => '')),
    )
    for (const link of links) {
      const kind = sockets.get(inodeIn(link))
      if (kind) return kind
    }
  }
  return undefined
}

/** Returns the inode of a socket that a link in /proc leads to; `''` if it leads to something else. */
function inodeIn(link: string): string {
  return /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? ''
}
