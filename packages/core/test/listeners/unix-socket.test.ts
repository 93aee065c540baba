// Proves how a Unix socket gets its path, and how it gives it back: whatever is there already, and
// whoever else wants it.
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { endless } from '../../src/endless.js'
import type { UnixAddress } from '../../src/listeners/address.js'
import {
  leadsTo,
  removePath,
  resolveSocketPath,
  temporaryName,
} from '../../src/listeners/unix-path.js'
import {
  bindUnixSocket,
  keepOnClose,
  type UnixSocket,
  type UnixTarget,
} from '../../src/listeners/unix-socket.js'

// The sources have no compiled preload beside them; nothing here runs it.
vi.mock('../../src/launch/preload-file.js', () => ({ preloadFile: () => undefined }))

const links = vi.hoisted(() => ({
  areRefused: false,
  made: [] as string[],
  before: () => undefined,
  afterMove: () => undefined,
}))
vi.mock('node:fs', async (original) => {
  const fs = await original<Record<'linkSync' | 'renameSync', (from: string, to: string) => void>>()
  const linkSync = (...args: [string, string]): void => {
    links.before()
    links.made.push(args[0])
    if (links.areRefused) throw Object.assign(new Error('no links here'), { code: 'EPERM' })
    fs.linkSync(...args)
  }
  const renameSync = (...args: [string, string]): void => {
    fs.renameSync(...args)
    links.afterMove()
  }
  return { ...fs, default: { ...fs, linkSync, renameSync }, linkSync, renameSync }
})

let directory: string
let target: string
const sockets: UnixSocket[] = []
const servers: net.Server[] = []

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'endless-unix-'))
  target = path.join(directory, 'app.sock')
})

afterEach(() => {
  const nothing = (): void => undefined
  Object.assign(links, { areRefused: false, made: [], before: nothing, afterMove: nothing })
  for (const { handle } of sockets.splice(0)) handle.close()
  for (const server of servers.splice(0)) server.close()
  fs.rmSync(directory, { recursive: true })
})

const logger = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
const isWanted = (): boolean => true
const rights = { mode: undefined, owner: undefined }
const call = { rights, readableAll: false, writableAll: false, backlog: undefined, isWanted }

async function bind(name = target, more: Partial<UnixTarget> = {}): Promise<UnixSocket> {
  const result = await new Promise<UnixSocket | Error>((resolve) => {
    bindUnixSocket({ ...call, path: name, ...more }, resolve)
  })
  if (result instanceof Error) throw result
  sockets.push(result)
  return result
}

async function listen(name: string): Promise<net.Server> {
  const server = net.createServer((socket) => socket.destroy()).listen(name)
  servers.push(server)
  await once(server, 'listening')
  return server
}

/** Leaves a socket as a process does that is killed. */
async function leaveDead(name: string): Promise<void> {
  const server = await listen(`${name}.tmp`)
  fs.linkSync(`${name}.tmp`, name)
  await once(server.close(), 'close')
}

describe('binding', () => {
  test('is done at once where nothing is, and leaves nothing beside the path', () => {
    let socket: UnixSocket | Error | undefined
    bindUnixSocket({ ...call, path: target }, (result) => (socket = result))
    sockets.push(socket as UnixSocket)
    expect(fs.readdirSync(directory)).toEqual(['app.sock'])
    expect(socket).toMatchObject({ bound: { path: target } })
    expect(leadsTo((socket as UnixSocket).bound)).toBe(true)
  })

  test('is done, and refused, where there are no hard links too', async () => {
    links.areRefused = true
    await bind()
    expect(fs.readdirSync(directory)).toEqual(['app.sock'])
    fs.writeFileSync(`${target}.2`, 'text')
    await expect(bind(`${target}.2`)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    expect(fs.readFileSync(`${target}.2`, 'utf8')).toBe('text')
  })

  test('takes a dead socket over, and only one of several that want it gets it', async () => {
    await leaveDead(target)
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => bind()))
    const failures = outcomes.flatMap((each) =>
      each.status === 'rejected' ? [each.reason as Error] : [],
    )
    expect(failures).toHaveLength(7)
    expect(failures).toEqual(
      failures.map(() => expect.objectContaining({ code: 'EADDRINUSE', address: target }) as Error),
    )
    expect(leadsTo(sockets[0]!.bound)).toBe(true)
    expect(fs.readdirSync(directory)).toEqual(['app.sock'])
  })

  test('never moves a socket that listens, though a dead one was there when it looked', async () => {
    await leaveDead(target)
    // While it tries to connect to the dead socket, another process takes the path over.
    const late = bind().catch((error: unknown) => error)
    fs.rmSync(target)
    const faster = await bind()
    // A third one would get the path in the moment in which nothing is there.
    links.afterMove = () => {
      bindUnixSocket({ ...call, path: target }, (result) => sockets.push(result as UnixSocket))
    }
    expect(await late).toMatchObject({ code: 'EADDRINUSE' })
    expect(leadsTo(faster.bound)).toBe(true)
    expect(sockets).toEqual([faster])
    expect(fs.readdirSync(directory)).toEqual(['app.sock'])
  })

  test('loses the path to a process that gets it first, and leaves that one alone', async () => {
    await leaveDead(target)
    let other: UnixSocket | undefined
    // The dead socket is gone by then, and the path is free for anybody.
    links.before = () => {
      links.before = () => undefined
      bindUnixSocket({ ...call, path: target }, (result) => (other = result as UnixSocket))
    }
    await expect(bind()).rejects.toMatchObject({ code: 'EADDRINUSE' })
    sockets.push(other!)
    expect(leadsTo(other!.bound)).toBe(true)
    expect(fs.readdirSync(directory)).toEqual(['app.sock'])
  })

  test.runIf(os.platform() === 'linux')(
    'happens where nobody else can reach the socket',
    async () => {
      let mode: number | undefined
      links.before = () => {
        const [name] = fs.readdirSync(directory)
        mode = fs.lstatSync(path.join(directory, name!)).mode & 0o777
      }
      await bind(target, { rights: { ...rights, mode: 0o666 } })
      expect(mode).toBe(0o700)
      expect(links.made).toEqual([
        expect.stringMatching(/^\/proc\/self\/fd\/\d+\/app\.sock\.[0-9a-f]{8}$/),
      ])
    },
  )

  test('of a server that has been closed meanwhile leaves the path to the next', async () => {
    await leaveDead(target)
    const closed = endless(() => undefined, { exit: false, signals: [], logger }).listen(target)
    closed.close()
    const next = endless(() => undefined, { exit: false, signals: [], logger }).listen(target)
    await once(next, 'listening')
    expect(closed.listening).toBe(false)
    await once(next.close(), 'close')
    expect(fs.readdirSync(directory)).toEqual([])
  })

  test('is refused where somebody listens', async () => {
    await listen(target)
    await expect(bind()).rejects.toMatchObject({ code: 'EADDRINUSE', syscall: 'listen', port: -1 })
  })

  test('fails in a directory that is not there as with Node alone', async () => {
    const missing = path.join(directory, 'no', 'app.sock')
    const error: unknown = await bind(missing).catch((error: unknown) => error)
    const [bare] = (await once(net.createServer().listen(missing), 'error').catch(
      (error: unknown) => [error],
    )) as [Error]
    expect(Object.entries(error as Error)).toEqual(Object.entries(bare))
    expect((error as Error).message).toBe(bare.message)
  })

  test.each([
    [0o600, {}],
    [0o660, { writableAll: true, readableAll: true }],
  ])('gives the mode, %i, whatever else the call says', async (mode, more) => {
    await bind(target, { rights: { ...rights, mode }, ...more })
    expect(fs.lstatSync(target).mode & 0o777).toBe(mode)
  })
})

describe('closing', () => {
  test('removes the path', async () => {
    const { handle } = await bind()
    sockets.pop()
    handle.close()
    expect(fs.readdirSync(directory)).toEqual([])
  })

  test('leaves the path that is kept for a successor', async () => {
    const { handle } = await bind()
    keepOnClose(handle)
    handle.close()
    sockets.pop()
    expect(fs.readdirSync(directory)).toEqual(['app.sock'])
  })

  test.each<[string, () => unknown]>([
    ['a file', () => fs.writeFileSync(target, '')],
    ['a socket of somebody else', () => listen(target)],
  ])('leaves a path that is %s by then', async (_, put) => {
    const { handle } = await bind()
    fs.rmSync(target)
    await put()
    sockets.pop()
    handle.close()
    expect(fs.existsSync(target)).toBe(true)
  })
})

describe('a path', () => {
  test('that leads nowhere, or whose directory is gone, leads to no socket', () => {
    const bound: UnixAddress = { path: target, identity: '1:2:3' }
    expect(leadsTo(bound)).toBe(false)
    expect(leadsTo({ ...bound, path: path.join(directory, 'no', 'a') })).toBe(false)
    removePath(bound)
  })

  test('that is abstract always does', () => {
    expect(leadsTo({ path: '\0app', identity: '' })).toBe(true)
    expect(resolveSocketPath('\0app', '/srv')).toBe('\0app')
  })

  test.each([
    ['app.sock', '/srv/current/app.sock'],
    ['../app.sock', '/srv/app.sock'],
    ['/run/app.sock', '/run/app.sock'],
  ])('%s is %s in /srv/current', (given, resolved) => {
    expect(resolveSocketPath(given, '/srv/current')).toBe(resolved)
  })

  const longest = os.platform() === 'linux' ? 107 : 103

  test('may be as long as the kernel takes, in bytes, and no longer', () => {
    const long = `/${'é'.repeat((longest - 1) / 2)}`
    expect(resolveSocketPath(long, '/')).toBe(long)
    expect(() => resolveSocketPath(`${long}a`, '/')).toThrow(
      expect.objectContaining({
        code: 'ERR_ENDLESS_INVALID_ADDRESS',
        message: expect.stringContaining(`${String(longest + 1)} bytes`) as string,
      }),
    )
  })

  test('that is as long as it may be is bound by a name that is no longer', async () => {
    const room = longest - directory.length - 1
    const folder = path.join(directory, 'd'.repeat(room - 3))
    fs.mkdirSync(folder)
    const name = temporaryName(path.join(folder, 'ab'))
    expect(path.dirname(name)).toBe(folder)
    expect(Buffer.byteLength(name)).toBe(longest)
    const socket = await bind(path.join(folder, 'ab'))
    expect(fs.readdirSync(folder)).toEqual(['ab'])
    socket.handle.close()
    sockets.pop()
  })
})
