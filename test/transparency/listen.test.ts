// Proves that `listen` of an endless server takes what Node takes, refuses what Node refuses with the same
// errors, and reports itself as Node does.
import { AsyncLocalStorage } from 'node:async_hooks'
import { getEventListeners, once } from 'node:events'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { endless } from '@endless/core'
import { describe, expect, test } from 'vitest'
import { attempt, expectSame, kinds, listen, portOf, settle, type Side } from './side-by-side.js'

const any = (): undefined => undefined

/** How a call of `listen` ends: what it returns or throws, and the events that follow. */
async function tryListen(
  { create, note, directory }: Side,
  args: (directory: string) => unknown[],
  kind: (typeof kinds)[number] = 'net',
): Promise<void> {
  const server = create(kind)
  const seen: unknown[] = []
  server.on('listening', () => seen.push('listening')).on('error', (error) => seen.push(error))
  const given = args(directory)
  const count = server.listenerCount('listening')
  const returned = attempt(() => (server.listen as (...args: unknown[]) => unknown)(...given))
  note(returned instanceof Error ? returned : returned === server)
  const isSettled = (): boolean => returned instanceof Error || seen.length > 0
  for (let turn = 0; turn < 10_000 && !isSettled(); turn++) await settle(1)
  // Node keeps the path of a Unix socket that it could not bind.
  const address = server.listening ? server.address() : null
  note(seen, server.listening, server.listenerCount('listening') - count)
  note(typeof address === 'object' && address ? { ...address, port: address.port > 0 } : address)
}

describe('arguments', () => {
  test.each<[string, (directory: string) => unknown[]]>([
    ['()', () => []],
    ['(callback)', () => [any]],
    ['(null)', () => [null]],
    ['(undefined)', () => [undefined]],
    ['(undefined, callback)', () => [undefined, any]],
    ['(0)', () => [0]],
    ["('0')", () => ['0']],
    ['(-0)', () => [-0]],
    ['(-1)', () => [-1]],
    ['(70000)', () => [70_000]],
    ['(1.5)', () => [1.5]],
    ['(NaN)', () => [NaN]],
    ['(Infinity)', () => [Infinity]],
    ["('')", () => ['']],
    ["(' ')", () => [' ']],
    ["('0x0')", () => ['0x0']],
    ['(true)', () => [true]],
    ['(0n)', () => [0n]],
    ['(Symbol())', () => [Symbol('a')]],
    ['([])', () => [[]]],
    ['({})', () => [{}]],
    ['({}, callback)', () => [{}, any]],
    ['(new Date())', () => [new Date(0)]],
    ['(0, host)', () => [0, '127.0.0.1']],
    ['(0, host, backlog, callback)', () => [0, '127.0.0.1', 5, any]],
    ['(0, null, callback)', () => [0, null, any]],
    ['(0, undefined, undefined, callback)', () => [0, undefined, undefined, any]],
    ["(0, '')", () => [0, '']],
    ['(0, backlog)', () => [0, 5]],
    ['(0, Symbol())', () => [0, Symbol('a')]],
    ['(0, an address that is not ours)', () => [0, '192.0.2.1']],
    ['({ port: 0 })', () => [{ port: 0 }]],
    ['({ port: null })', () => [{ port: null }]],
    ['({ port: undefined })', () => [{ port: undefined }]],
    ["({ port: '' })", () => [{ port: '' }]],
    ['({ port: -1 })', () => [{ port: -1 }]],
    ['({ port: true })', () => [{ port: true }]],
    ['({ port: {} })', () => [{ port: {} }]],
    ['({ port, host: 5 })', () => [{ port: 0, host: 5 }]],
    ['({ port, host: {} })', () => [{ port: 0, host: {} }]],
    ['({ port, host: null })', () => [{ port: 0, host: null }]],
    ['({ port, ipv6Only })', () => [{ port: 0, host: '::', ipv6Only: true }]],
    ['({ port, exclusive })', () => [{ port: 0, exclusive: true }]],
    ['({ port, signal: null })', () => [{ port: 0, signal: null }]],
    ["({ port, signal: 'x' })", () => [{ port: 0, signal: 'x' }]],
    ['({ fd: -1 })', () => [{ fd: -1 }]],
    ["({ fd: '3' })", () => [{ fd: '3' }]],
    ['({ fd: not open })', () => [{ fd: 9_999 }]],
    ['({ handle: {} })', () => [{ handle: {} }]],
    ['({ handle: 5 })', () => [{ handle: 5 }]],
    ['({ handle: null })', () => [{ handle: null }]],
    ['({ handle: { port } })', () => [{ handle: { port: 0 } }]],
    ['({ _handle: {} })', () => [{ _handle: {} }]],
    ['(server that is closed)', () => [net.createServer()]],
    ['(path)', (dir) => [path.join(dir, 's')]],
    ['(path, callback)', (dir) => [path.join(dir, 's'), any]],
    ['(path, backlog, callback)', (dir) => [path.join(dir, 's'), 5, any]],
    ['({ path })', (dir) => [{ path: path.join(dir, 's') }]],
    ['({ path, readableAll })', (dir) => [{ path: path.join(dir, 's'), readableAll: true }]],
    ["({ path: '' })", () => [{ path: '' }]],
    ["({ path: '80' })", () => [{ path: '80' }]],
    ['({ path: 5 })', () => [{ path: 5 }]],
    ['({ path: null })', () => [{ path: null }]],
    ['({ path: undefined })', () => [{ path: undefined }]],
    ['({ path, port: undefined })', (dir) => [{ path: path.join(dir, 's'), port: undefined }]],
    ['({ path, port: -1 })', (dir) => [{ path: path.join(dir, 's'), port: -1 }]],
    ["({ path, port: 'abc' })", (dir) => [{ path: path.join(dir, 's'), port: 'abc' }]],
    ['({ path, port: NaN })', (dir) => [{ path: path.join(dir, 's'), port: NaN }]],
    ['({ path, port: 70000 })', (dir) => [{ path: path.join(dir, 's'), port: 70_000 }]],
    ['({ path, port: true })', (dir) => [{ path: path.join(dir, 's'), port: true }]],
    ['({ path, signal: null })', (dir) => [{ path: path.join(dir, 's'), signal: null }]],
    ["({ path, signal: 'x' })", (dir) => [{ path: path.join(dir, 's'), signal: 'x' }]],
    ['({ path in no directory })', (dir) => [{ path: path.join(dir, 'no', 's') }]],
    ['({ path below a file })', (dir) => [{ path: path.join(fileIn(dir), 's') }]],
    ['({ path that is a file })', (dir) => [{ path: fileIn(dir) }]],
    ['({ path that is a directory })', (dir) => [{ path: dir }]],
  ])('listen%s', async (_, args) => {
    await expectSame((side) => tryListen(side, args))
  })

  test.runIf(process.platform === 'linux').each<[string, object]>([
    ['', {}],
    [', readableAll', { readableAll: true }],
    [', writableAll', { writableAll: true }],
    [", readableAll: 'yes'", { readableAll: 'yes' }],
    [', readableAll: false', { readableAll: false }],
  ])('listen({ path of an abstract socket%s })', async (_, options) => {
    const name = `\0endless-${String(process.pid)}`
    await expectSame((side) => tryListen(side, () => [{ path: name, ...options }]))
  })
})

function fileIn(directory: string): string {
  const file = path.join(directory, 'file')
  writeFileSync(file, '')
  return file
}

describe.each(kinds)('a server of %s', (kind) => {
  test.each<[string, (directory: string) => unknown[]]>([
    ['that listens on TCP', () => [0]],
    ['that listens on a host that is looked up', () => [0, 'localhost']],
    ['that listens on a path', (directory) => [path.join(directory, 's')]],
    ['that is refused', () => [{ port: -1 }]],
    ['whose path is refused', (directory) => [path.join(directory, 'no', 's')]],
  ])('%s', async (_, args) => {
    await expectSame((side) => tryListen(side, args, kind))
  })

  test('reports an address that is taken', async () => {
    const taken = net.createServer()
    const port = await listen(taken)
    try {
      await expectSame((side) => tryListen(side, () => [port, '127.0.0.1'], kind))
    } finally {
      taken.close()
    }
  })

  test('reports a path that another process listens on', async () => {
    await expectSame(async (side) => {
      const file = path.join(side.directory, 's')
      const taken = net.createServer().listen(file)
      await once(taken, 'listening')
      await tryListen(side, () => [file], kind)
      taken.close()
    })
  })

  test('refuses a second listen, and lets the first go on', async () => {
    await expectSame(async ({ create, note }) => {
      const server = create(kind)
      await listen(server)
      const count = server.listenerCount('listening')
      note(
        attempt(() => server.listen(0, () => undefined)),
        server.listening,
      )
      note(server.listenerCount('listening') - count)
    })
  })

  test('listens again after its close, also in the callback of that', async () => {
    await expectSame(async ({ create, note }) => {
      const server = create(kind)
      await listen(server)
      await new Promise<void>((resolve) => {
        server.close(() => {
          note(server.listening, server.address())
          server.listen(0, resolve)
        })
      })
      note(server.listening, portOf(server) > 0)
    })
  })

  test('calls its listeners in the order of their registration, and the callback in its place', async () => {
    await expectSame(async ({ create, note }) => {
      const server = create(kind)
      server.on('listening', () => note('first', server.listening))
      server.listen(0, '127.0.0.1', function (this: unknown, ...args: unknown[]) {
        note('callback', this === server, args.length)
      })
      server.on('listening', () => note('last'))
      note('returned', server.listening)
      await once(server, 'listening')
    })
  })

  test('keeps the context of an AsyncLocalStorage for its listeners', async () => {
    const storage = new AsyncLocalStorage<string>()
    await expectSame(async ({ create, note, directory }) => {
      for (const target of [0, path.join(directory, 's')]) {
        const server = create(kind)
        await storage.run('context', async () => {
          server.listen(target as number, () => note(storage.getStore()))
          await once(server, 'listening')
        })
        const closed = once(server, 'close')
        storage.run('at the close', () => server.close(() => note(storage.getStore())))
        await closed
      }
    })
  })
})

describe.each([
  ['TCP', (): unknown => ({ port: 0 })],
  ['a path', (directory: string): unknown => ({ path: path.join(directory, 's') })],
])('a signal that ends a listen on %s', (_, target) => {
  test.each([
    ['before', 'the call'],
    ['in the same turn', 'the call, and before it listens'],
    ['after', 'it listens'],
    ['never', ''],
  ])('aborted %s %s', async (when) => {
    await expectSame(async ({ create, note, directory }) => {
      const abort = new AbortController()
      const { signal } = abort
      const server = create('net')
      const seen: unknown[] = []
      for (const name of ['listening', 'close', 'error']) server.on(name, () => seen.push(name))
      if (when === 'before') abort.abort()
      const options = target(directory) as net.ListenOptions
      note(server.listen({ ...options, signal }, () => seen.push('callback')) === server)
      note(server.listening, getEventListeners(signal, 'abort').length)
      if (when === 'in the same turn') abort.abort()
      await settle()
      note(server.listening, [...seen])
      if (when === 'after') abort.abort()
      await settle()
      note(server.listening, seen)
      if (server.listening) {
        server.close()
        await once(server, 'close')
      }
      note(getEventListeners(signal, 'abort').length)
    })
  })
})

test('a close while the host is looked up prevents the listen', async () => {
  await expectSame(async ({ create, note }) => {
    const server = create('net')
    const seen: unknown[] = []
    for (const name of ['listening', 'close', 'error']) server.on(name, () => seen.push(name))
    server.listen(0, 'localhost')
    server.close((error) => seen.push(error))
    await settle(50)
    note(server.listening, seen)
  })
})

describe('on purpose it is not the same', () => {
  test('a handle is refused: a restart could not hand it over', async () => {
    const other = net.createServer()
    await listen(other)
    const refuse = (handle: unknown): void => {
      const { server } = endless(net.createServer(), { signals: [] })
      expect(() => server.listen(handle)).toThrow(
        expect.objectContaining({ code: 'ERR_ENDLESS_UNSUPPORTED' }),
      )
    }
    refuse(other)
    // Node 26
    const { BoundSocket } = net as unknown as {
      BoundSocket?: new (options: object) => { close(): void }
    }
    if (BoundSocket) {
      const bound = new BoundSocket({ port: 0 })
      refuse(bound)
      refuse({ handle: bound })
      bound.close()
    }
    other.close()
  })

  test('a path that a dead process has left is taken over', async () => {
    const observed: unknown[] = []
    await expectSame(async (side) => {
      const file = path.join(side.directory, 's')
      spawnSync(process.execPath, [
        '-e',
        `require('net').createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, 'SIGKILL'))`,
      ])
      const server = side.create('net').listen(file)
      observed.push(
        await Promise.race([
          once(server, 'listening').then(() => 'listening'),
          once(server, 'error').then(([error]) => (error as NodeJS.ErrnoException).code),
        ]).catch((error: unknown) => (error as NodeJS.ErrnoException).code),
      )
      side.note('tried')
    })
    expect(observed).toEqual(['EADDRINUSE', 'listening'])
  })
})
