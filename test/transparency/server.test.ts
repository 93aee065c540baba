// Proves that an endless server behaves as a bare one from its `listen` to its close: events and their order,
// counts of listeners, properties, connections, callbacks of close, and what reaches a client.
import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import { once } from 'node:events'
import type http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import tls from 'node:tls'
import { describe, expect, test } from 'vitest'
import {
  attempt,
  creators,
  expectSame,
  kinds,
  listen,
  portOf,
  settle,
  type Kind,
  type Side,
} from './side-by-side.js'

const isSecure = (kind: Kind): boolean => creators[kind]() instanceof tls.Server
const httpKinds = ['http', 'https', 'http2 over TLS'] as const

/** Connects as the clients of a kind do, below HTTP. */
async function connect(kind: Kind, port: number): Promise<net.Socket> {
  const client = isSecure(kind)
    ? tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    : net.connect(port, '127.0.0.1')
  client.on('error', () => undefined) // the server may reset it
  await once(client, isSecure(kind) ? 'secureConnect' : 'connect')
  return client
}

/** Sends bytes; resolves with all that comes back until the server ends the connection. */
async function exchange(kind: Kind, port: number, bytes: string): Promise<string> {
  const client = await connect(kind, port)
  client.write(bytes)
  let received = ''
  client.setEncoding('latin1').on('data', (text: string) => (received += text))
  await once(client, 'close')
  return received
}

/** Notes each event of a server by its name, in order; none that tells of listeners. */
function noteEvents(server: net.Server, seen: string[]): void {
  const emit = server.emit.bind(server) as (...args: unknown[]) => boolean
  server.emit = (name: string | symbol, ...args: unknown[]) => {
    if (name !== 'newListener' && name !== 'removeListener') seen.push(String(name))
    return emit(name, ...args)
  }
}

const get = (headers = ''): string => `GET / HTTP/1.1\r\nHost: a\r\n${headers}\r\n`

describe.each(kinds)('a server of %s', (kind) => {
  test('has the same properties with the same values', async () => {
    await expectSame(async ({ create, note }) => {
      const server = create(kind)
      for (const isListening of [false, true]) {
        if (isListening) await listen(server)
        const values = Object.entries(server).filter(
          ([name, value]) =>
            !['object', 'function'].includes(typeof value) && !name.startsWith('_'),
        )
        note(Object.fromEntries(values), server.constructor.name)
      }
    })
  })

  test('has the same listeners, but for those that count connections and requests, or look at its life', async () => {
    const counts: Record<string, number>[] = []
    await expectSame(async ({ create, note }) => {
      const server = create(kind)
      await listen(server)
      const names = server.eventNames() as string[]
      counts.push(Object.fromEntries(names.map((name) => [name, server.listenerCount(name)])))
      note('counted')
    })
    const [bare, endless] = counts as [Record<string, number>, Record<string, number>]
    const more = Object.keys(endless).filter((name) => endless[name] !== bare[name])
    const expected = ['close', 'connection', 'listening']
    if (isSecure(kind)) expected.push('secureConnection')
    if (kind.startsWith('http2')) expected.push('session')
    expect(more.sort()).toEqual(expected)
    for (const name of more) {
      // Plain HTTP/1 connections move: another listener looks whether their requests are to be counted.
      const added = kind === 'http' && name === 'connection' ? 2 : 1
      expect(endless[name], name).toBe((bare[name] ?? 0) + added)
    }
  })

  test('emits the same events in the same order', async () => {
    await expectSame(async ({ create, note }) => {
      const server = create(kind)
      const seen: string[] = []
      noteEvents(server, seen)
      const client = await connect(kind, await listen(server))
      await settle()
      client.destroy()
      server.close()
      await once(server, 'close')
      note(seen)
    })
  })

  test('creates the same kinds of asynchronous resources, but for the one that keeps the context of the listen', async () => {
    await expectSame(async ({ create, note }) => {
      const types = new Set<string>()
      // Promises and ticks are also those of the test; a timer renews the ticket keys of TLS.
      const own = /^(?!PROMISE|TickObject|Immediate|RANDOMBYTES|Timeout|ENDLESS_LISTEN)/
      const hook = createHook({ init: (_, type) => own.test(type) && types.add(type) }).enable()
      const server = create(kind)
      await listen(server)
      server.close()
      await once(server, 'close')
      hook.disable()
      note([...types].sort())
    })
  })

  test('keeps the context of the listen for its connections', async () => {
    const storage = new AsyncLocalStorage<string>()
    await expectSame(async ({ create, note }) => {
      const server = create(kind)
      server.on('connection', () => note(storage.getStore()))
      const port = await storage.run('listen', () => listen(server))
      const client = await connect(kind, port)
      client.destroy()
    })
  })

  test('calls back its close, and reports one that closes nothing', async () => {
    await expectSame(async ({ create, note }) => {
      const server = create(kind)
      const before: unknown[] = []
      note(server.close((...args) => before.push(...args)) === server)
      await settle()
      note(before)
      await listen(server)
      const seen: unknown[] = []
      server.on('close', (...args) => seen.push('event', args.length))
      note(server.close((...args) => seen.push('callback', args.length)) === server)
      note(server.listening, server.address())
      server.close((error) => seen.push(error))
      await settle()
      note(seen)
    })
  })

  test('waits in its close for an open connection', async () => {
    await expectSame(async ({ create, note }) => {
      const server = create(kind)
      let isClosed = false
      const accepted = once(server, isSecure(kind) ? 'secureConnection' : 'connection')
      const client = await connect(kind, await listen(server))
      const [socket] = (await accepted) as [net.Socket]
      // Half a header: not idle.
      if (kind !== 'http2') client.write('GET / HTTP/1.1\r\nHost: a\r\n')
      await settle(20)
      server.close(() => (isClosed = true))
      await settle(20)
      note(isClosed, server.listening)
      const ended = once(server, 'close')
      client.destroy()
      socket.destroy()
      await ended
      note(isClosed)
    })
  })

  test('counts its connections, and drops those that are too many', async () => {
    await expectSame(async ({ create, note }) => {
      const server = create(kind)
      server.maxConnections = 1
      const count = (): Promise<unknown> =>
        new Promise((resolve) => {
          server.getConnections((error, number) => resolve([error, number]))
        })
      const drops: unknown[] = []
      server.on('drop', (data) => drops.push(Object.keys(data as object).sort()))
      const port = await listen(server)
      note(await count())
      const client = await connect(kind, port)
      note(await count())
      const second = net.connect(port, '127.0.0.1').on('error', () => undefined)
      await once(second, 'close')
      note(await count(), drops)
      client.destroy()
    })
  })

  test('returns itself from ref, unref, on and close', async () => {
    await expectSame(async ({ create, note }) => {
      const server = create(kind)
      note(server.ref() === server, server.unref() === server)
      await listen(server)
      note(server.unref() === server, server.ref() === server)
      note(server.on('x', () => undefined) === server)
    })
  })

  test('is disposed of', async () => {
    await expectSame(async ({ create, note }) => {
      const server = create(kind)
      await listen(server)
      await (server as unknown as { [Symbol.asyncDispose]: () => Promise<void> })[
        Symbol.asyncDispose
      ]()
      note(server.listening)
    })
  })
})

describe.each(httpKinds)('HTTP/1 on a server of %s', (kind) => {
  /** Notes all bytes of the answers to a request. */
  async function noteAnswer(
    { create, note }: Side,
    bytes: string,
    answer?: http.RequestListener,
    prepare: (server: net.Server) => void = () => undefined,
  ): Promise<void> {
    const server = create(kind, answer)
    const seen: string[] = []
    prepare(server)
    noteEvents(server, seen)
    note(await exchange(kind, await listen(server), bytes), seen)
  }

  const end: http.RequestListener = (_request, response) => response.end('done')
  const close = get('Connection: close\r\n')

  test.each<[string, string, http.RequestListener?]>([
    ['a request that closes', close, end],
    ['three in a row', get() + get() + close, end],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', end],
    [
      'a body in chunks',
      close,
      (_, response) => {
        response.write('a')
        response.end('b')
      },
    ],
    ['what is no HTTP', 'nonsense\r\n\r\n', end],
    ['no Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', end],
    ['a header that is too long', get(`A: ${'x'.repeat(20_000)}\r\n`), end],
    [
      'Expect: 100-continue',
      `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx`,
      end,
    ],
    ['another expectation', get('Expect: a miracle\r\nConnection: close\r\n'), end],
    ['CONNECT, which nobody listens to', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', end],
    ['an early destroy', get(), (request) => request.socket.destroy()],
  ])('is answered with the same bytes and events: %s', async (_, bytes, answer) => {
    await expectSame((side) => noteAnswer(side, bytes, answer))
  })

  test('an upgrade reaches its listener', async () => {
    await expectSame((side) =>
      noteAnswer(side, get('Connection: Upgrade\r\nUpgrade: x\r\n'), end, (server) => {
        server.on('upgrade', (_request: unknown, socket: net.Socket) =>
          socket.end('HTTP/1.1 101 Hi\r\n\r\n'),
        )
      }),
    )
  })

  test('the timeouts of the program hold', async () => {
    await expectSame((side) =>
      noteAnswer(side, 'GET / HTTP/1.1\r\n', end, (server) => {
        Object.assign(server, {
          headersTimeout: 50,
          requestTimeout: 60,
          connectionsCheckingInterval: 20,
        })
      }),
    )
  })
})

// A server of HTTP/2 that also speaks HTTP/1 has no such methods before Node 24.
describe.each(['http', 'https'] as const)('connections of a server of %s', (kind) => {
  test('closeAllConnections and closeIdleConnections close what they say', async () => {
    await expectSame(async ({ create, note }) => {
      const server = create(kind, (request, response) => {
        if (request.url === '/') response.end('done')
      })
      const closing = server as unknown as Pick<
        http.Server,
        'closeIdleConnections' | 'closeAllConnections'
      >
      const port = await listen(server)
      const [idle, busy] = [await connect(kind, port), await connect(kind, port)]
      idle.write(get())
      busy.write(get().replace('/', '/wait'))
      await once(idle, 'data')
      await settle(20)
      idle.on('close', () => note('idle closed'))
      closing.closeIdleConnections()
      await once(idle, 'close')
      note(busy.destroyed)
      busy.on('close', () => note('busy closed'))
      closing.closeAllConnections()
      if (!busy.destroyed) await once(busy, 'close')
    })
  })

  test('a close ends idle connections, and its callback comes', async () => {
    await expectSame(async ({ create, note }) => {
      const server = create(kind, (_request, response) => response.end('done'))
      const client = await connect(kind, await listen(server))
      client.write(get())
      await once(client, 'data')
      await settle(20)
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await closed
      note('closed')
    })
  })
})

describe.each(['http2', 'http2 over TLS'] as const)('HTTP/2 on a server of %s', (kind) => {
  test('a request has the same events, on the server and on the session', async () => {
    await expectSame(async ({ create, note }) => {
      const server = create(kind)
      const seen: string[] = []
      noteEvents(server, seen)
      server.on('session', (session: http2.ServerHttp2Session) => {
        for (const name of ['connect', 'stream', 'close', 'goaway', 'error']) {
          session.on(name, () => seen.push(`session ${name}`))
        }
      })
      server.on('stream', (stream: http2.ServerHttp2Stream) => {
        stream.respond({ ':status': 200 })
        stream.end('done')
      })
      const port = await listen(server)
      const client = http2.connect(`http${isSecure(kind) ? 's' : ''}://127.0.0.1:${String(port)}`, {
        rejectUnauthorized: false,
      })
      const stream = client.request({ ':path': '/' })
      note((await stream.setEncoding('utf8').toArray()).join(''))
      client.close()
      await once(client, 'close')
      const closed = once(server, 'close')
      server.close()
      await closed
      note(seen.sort()) // the ends of stream and session race
    })
  })

  test.each(['destroy', 'close'] as const)(
    'a session that a listener ends by %s is gone',
    async (how) => {
      await expectSame(async ({ create, note }) => {
        const server = create(kind)
        server.prependListener('session', (session: http2.ServerHttp2Session) => {
          session[how]()
        })
        const port = await listen(server)
        const client = http2.connect(
          `http${isSecure(kind) ? 's' : ''}://127.0.0.1:${String(port)}`,
          {
            rejectUnauthorized: false,
          },
        )
        client.on('error', () => undefined)
        await once(client, 'close')
        note('ended')
      })
    },
  )
})

describe.each(['tls', 'https'] as const)('TLS on a server of %s', (kind) => {
  test('a client that speaks none is reported', async () => {
    await expectSame(async ({ create, note }) => {
      const server = create(kind)
      const reported = once(server, 'tlsClientError') as Promise<[NodeJS.ErrnoException]>
      const client = net.connect(await listen(server), '127.0.0.1')
      client.on('error', () => undefined)
      client.write('GET / HTTP/1.1\r\n\r\n')
      const [{ code }] = await reported
      note(code)
      client.destroy()
    })
  })

  test('ticket keys that were set are those that are got', async () => {
    await expectSame(async ({ create, note }) => {
      const server = create(kind)
      if (!(server instanceof tls.Server)) throw new Error('it is one of TLS')
      const keys = Buffer.alloc(48, 7)
      server.setTicketKeys(keys)
      note(server.getTicketKeys().equals(keys))
      await listen(server)
      note(server.getTicketKeys().equals(keys))
      note(attempt(() => server.setTicketKeys(Buffer.alloc(3))))
      note(portOf(server) > 0)
    })
  })
})
