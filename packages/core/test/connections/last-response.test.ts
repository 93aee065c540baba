// Proves which responses of a draining server say `Connection: close`: the last of each connection,
// however the application writes its header.
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { Duplex } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  announceLastResponses,
  type LastResponseOptions,
} from '../../src/connections/last-response.js'
import { OpenConnections } from '../../src/connections/open-connections.js'
import { parserOf } from '../../src/node/internals/http1-connection.js'
import { shadow } from '../../src/node/shadow.js'
import { settle } from '../fake-system.js'

type Respond = (response: http.ServerResponse, request: http.IncomingMessage) => void

let server: http.Server
let connections: OpenConnections
let respond: Respond
const clients: net.Socket[] = []
const ends: (() => void)[] = []

beforeEach(async () => {
  respond = (response) => response.end('done')
  server = http.createServer((request, response) => {
    respond(response, request)
  })
  connections = new OpenConnections(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterEach(async () => {
  for (const end of ends.splice(0)) end()
  for (const client of clients.splice(0)) client.destroy()
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
})

const announce = (
  onRequest: () => void = () => undefined,
  rest: Partial<LastResponseOptions> = {},
): (() => void) => {
  const end = announceLastResponses(server, connections.speaking, {
    isLasting: () => false,
    onRequest,
    ...rest,
  })
  ends.push(end)
  return end
}

/** A client that keeps what it reads. */
async function connect(): Promise<{ client: net.Socket; read: () => string }> {
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  clients.push(client)
  let text = ''
  client.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
  await once(client, 'connect')
  return { client, read: () => text }
}

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

/** The `Connection` header of each response that stands in a text; a list if it is there twice. */
function connectionHeaders(text: string): string[] {
  return text
    .split(/(?=HTTP\/1\.1 \d)/)
    .map((response) => [...response.matchAll(/^connection: (.*)\r$/gim)].map(([, v]) => v).join())
}

/** Sends, waits for the server to end the connection, and answers the `Connection` headers. */
async function exchange(sent: string): Promise<string[]> {
  const { client, read } = await connect()
  client.write(sent)
  await once(client, 'end')
  return connectionHeaders(read())
}

test('before a drain nothing is added', async () => {
  expect(Object.hasOwn(server, 'emit')).toBe(false)
  const { client, read } = await connect()
  client.write(get)
  await once(client, 'data')
  expect(connectionHeaders(read())).toEqual(['keep-alive'])
})

describe('a response says so', () => {
  test.each<[string, Respond]>([
    ['with end alone', (response) => response.end('done')],
    ['written in parts', (response) => void (response.write('a'), response.end('b'))],
    ['through writeHead', (response) => response.writeHead(200).end()],
    ['through writeHead with a message', (response) => response.writeHead(200, 'Fine', {}).end()],
    [
      'through writeHead with an object',
      (response) => response.writeHead(200, { Connection: 'keep-alive', 'X-A': '1' }).end(),
    ],
    [
      'through writeHead with a flat list',
      (response) => response.writeHead(200, ['connection', 'keep-alive', 'X-A', '1']).end(),
    ],
    [
      'through writeHead with pairs',
      (response) =>
        response
          .writeHead(200, [
            ['Connection', 'keep-alive'],
            ['X-A', '1'],
          ] as never)
          .end(),
    ],
    [
      'after setHeader of another mind',
      (response) => response.setHeader('Connection', 'keep-alive').end(),
    ],
    [
      'flushed before its body',
      (response) => {
        response.flushHeaders()
        setImmediate(() => response.end('late'))
      },
    ],
  ])('%s', async (_, write) => {
    respond = write
    announce()
    expect(await exchange(get)).toEqual(['close'])
  })

  test('and keeps the other headers that were given to writeHead', async () => {
    respond = (response) => response.writeHead(200, ['Connection', 'keep-alive', 'X-A', '1']).end()
    announce()
    const { client, read } = await connect()
    client.write(get)
    await once(client, 'end')
    expect(read()).toMatch(/^X-A: 1\r$/m)
  })
})

test('of pipelined requests in one chunk only the last says so', async () => {
  announce()
  expect(await exchange(get + get + get)).toEqual(['keep-alive', 'keep-alive', 'close'])
})

const [half, rest] = [get.slice(0, 10), get.slice(10)]

describe('of connections that live on', () => {
  const nodeStoreHeader = (): unknown =>
    Reflect.get(http.ServerResponse.prototype, '_storeHeader') as unknown

  test('no response says so, and nothing that V8 has compiled is touched', async () => {
    const { client, read } = await connect()
    const before = nodeStoreHeader()
    const end = announce(undefined, { isLasting: () => true })
    client.write(get)
    await once(client, 'data')
    expect(connectionHeaders(read())).toEqual(['keep-alive'])
    expect(nodeStoreHeader()).toBe(before)
    end()
    expect(nodeStoreHeader()).toBe(before)
  })

  test('the next response says so when one lives on no more', async () => {
    const { client, read } = await connect()
    let lives = true
    respond = (response) => {
      lives = false
      response.end('done')
    }
    const before = nodeStoreHeader()
    const end = announce(undefined, { isLasting: () => lives })
    client.write(get)
    await once(client, 'data')
    client.write(get)
    await once(client, 'end')
    expect(connectionHeaders(read())).toEqual(['keep-alive', 'close'])
    expect(nodeStoreHeader()).not.toBe(before)
    end()
    expect(nodeStoreHeader()).toBe(before)
  })

  test('a response says so at once where the application decides, and may do so anew', async () => {
    let lives = true
    respond = (response) => {
      setImmediate(() => {
        lives = false
        response.end('done')
        lives = true
      })
    }
    announce(undefined, { isLasting: () => lives, mayChange: true })
    expect(await exchange(get)).toEqual(['close'])
  })

  test('one that is not watched keeps what it has read of the next request', async () => {
    const [{ client, read }, other] = [await connect(), await connect()]
    let answer: (() => void) | undefined
    respond = (response) => {
      if (answer) response.end('done')
      else answer = () => response.end('done')
    }
    let lives = true
    announce(undefined, { isLasting: () => lives })
    client.write(get + half)
    await expect.poll(() => answer).toBeDefined()
    lives = false
    // From here on responses are told.
    other.client.write(get)
    await once(other.client, 'end')
    answer?.()
    await once(client, 'data')
    client.write(rest)
    await once(client, 'end')
    expect(connectionHeaders(read())).toEqual(['keep-alive', 'close'])
  })
})

test('a response does not say so while half of the next header has been read', async () => {
  announce()
  const { client, read } = await connect()
  client.write(get + half)
  await once(client, 'data')
  expect(connectionHeaders(read())).toEqual(['keep-alive'])
  client.write(rest)
  await once(client, 'end')
  expect(connectionHeaders(read())).toEqual(['keep-alive', 'close'])
})

test('nor where all of that was read before the drain began', async () => {
  const requested = once(server, 'request') as Promise<[unknown, http.ServerResponse]>
  respond = () => undefined
  const { client, read } = await connect()
  client.write(get + half)
  const [, response] = await requested
  announce()
  respond = (later) => later.end('done')
  response.end('done')
  await once(client, 'data')
  expect(connectionHeaders(read())).toEqual(['keep-alive'])
  client.write(rest)
  await once(client, 'end')
  expect(connectionHeaders(read())).toEqual(['keep-alive', 'close'])
})

test('an empty line behind a request is none', async () => {
  announce()
  expect(await exchange(`${get}\r\n`)).toEqual(['close'])
})

test('a request that was read before the drain began is told too', async () => {
  const requested = once(server, 'request') as Promise<[unknown, http.ServerResponse]>
  respond = () => undefined
  const { client, read } = await connect()
  client.write(get)
  const [, response] = await requested
  announce()
  response.end('done')
  await once(client, 'end')
  expect(connectionHeaders(read())).toEqual(['close'])
})

test('it is decided when the header is written: what came meanwhile is answered', async () => {
  const waiting: http.ServerResponse[] = []
  respond = (response) => void waiting.push(response)
  announce()
  const { client, read } = await connect()
  client.write(get)
  await once(server, 'request')
  client.write(get)
  await once(server, 'request')
  for (const response of waiting) response.end('done')
  await once(client, 'end')
  expect(connectionHeaders(read())).toEqual(['keep-alive', 'close'])
})

test('a response to a body that is still coming does not close under it', async () => {
  announce()
  const { client, read } = await connect()
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo')
  await once(client, 'data')
  expect(connectionHeaders(read())).toEqual(['keep-alive'])
  client.write(`dy${get}`)
  await once(client, 'end')
  expect(connectionHeaders(read())).toEqual(['keep-alive', 'close'])
})

test('a connection that ends in the turn of its requests is seen to end, as without a drain', async () => {
  let told: string[] = []
  respond = (response, request) => {
    const name = request.url ?? ''
    told.push(name)
    request.once('close', () => told.push(`request ${name}`))
    response.once('close', () => told.push(`response ${name}`))
  }
  const leave = async (): Promise<string[]> => {
    told = []
    // As over TLS, where the end may come in one piece with the requests.
    const socket = new Duplex({
      read: () => undefined,
      write: (_chunk, _encoding, done) => {
        done()
      },
    })
    socket.push(`${get.replace('/', '/first')}${get.replace('/', '/second')}`)
    socket.push(null)
    server.emit('connection', socket)
    await settle(10)
    socket.destroy()
    await settle()
    return told
  }
  const without = await leave()
  expect(without).toContain('request /first')
  announce()
  expect(await leave()).toEqual(without)
})

test('each request that comes in the drain is reported', async () => {
  let reported = 0
  announce(() => reported++)
  await exchange(get + get)
  expect(reported).toBe(2)
})

test('expectations are answered as well', async () => {
  server.on('checkContinue', (_request, response: http.ServerResponse) => {
    response.writeContinue()
    response.req.resume().on('end', () => response.end('done'))
  })
  announce()
  const { client, read } = await connect()
  client.write('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
  await once(client, 'data')
  client.write('body')
  await once(client, 'end')
  expect(read()).toMatch(/^HTTP\/1\.1 100 /)
  expect(connectionHeaders(read()).at(-1)).toBe('close')
})

test('a request that a handler of an expectation emits again keeps what has been read behind it', async () => {
  server.on('checkContinue', (request: http.IncomingMessage, response: http.ServerResponse) => {
    request.resume().once('end', () => {
      response.writeContinue()
      server.emit('request', request, response)
    })
  })
  announce()
  const { client, read } = await connect()
  const post = 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab'
  client.write(post + half)
  await expect.poll(read).toContain('done')
  client.write(rest)
  await once(client, 'end')
  expect(connectionHeaders(read()).slice(-2)).toEqual(['keep-alive', 'close'])
})

test('whoever has kept the emit of a drain that is over changes nothing by it', async () => {
  const end = announce()
  const kept = server.emit.bind(server)
  end()
  const stale = shadow(server, 'emit', kept)
  const { client, read } = await connect()
  client.write(get)
  await once(client, 'data')
  expect(connectionHeaders(read())).toEqual(['keep-alive'])
  stale()
})

describe('after a response that has said close', () => {
  /** The paths of the requests that the application has seen. */
  const seen: string[] = []
  const path = (name: string): string => `GET /${name} HTTP/1.1\r\nHost: a\r\n\r\n`

  beforeEach(() => {
    seen.length = 0
    respond = (response, request) => {
      seen.push(request.url ?? '')
      response.write('header and beginning')
      setTimeout(() => response.end('end'), 50)
    }
  })

  test.each([
    ['with a body', 'POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody'],
    ['of several', path('late') + path('later')],
    ['for an upgrade', `${path('late').slice(0, -2)}Connection: upgrade\r\nUpgrade: x\r\n\r\n`],
    ['in part', path('late').slice(0, 20)],
  ])('no request begins: %s', async (_, late) => {
    const onLast = vi.fn()
    announce(undefined, { onLast })
    server.on('upgrade', () => seen.push('upgrade'))
    const { client, read } = await connect()
    client.write(path('last'))
    await once(client, 'data')
    client.write(late)
    await once(client, 'end')
    expect([seen, connectionHeaders(read())]).toEqual([['/last'], ['close']])
    expect(onLast).toHaveBeenCalledTimes(1)
  })

  test('none begins either where the application or the client has said so, before the drain or in it', async () => {
    const { client } = await connect()
    client.write(`${path('closing').slice(0, -2)}Connection: close\r\n\r\n`)
    await once(client, 'data')
    announce()
    client.write(path('late'))
    await once(client, 'end')
    const other = await connect()
    other.client.write(`${path('other').slice(0, -2)}Connection: close\r\n\r\n`)
    await once(other.client, 'data')
    other.client.write(path('late'))
    await once(other.client, 'end')
    expect(seen).toEqual(['/closing', '/other'])
  })
})

describe('a request that must be the last', () => {
  const paths = ['/1', '/2', '/3', '/4']
  const all = paths.map((each) => get.replace('/', each)).join('')

  test.each([
    ['lives on otherwise', true],
    ['does not', false],
  ])(
    'is answered with close, what was read before it is answered too, and nothing behind it: its connection %s',
    async (_, isLasting) => {
      const seen: string[] = []
      respond = (response, request) => {
        seen.push(request.url ?? '')
        response.writeHead(200, { Connection: 'keep-alive' }).end('done')
      }
      let arrived = 0
      announce(() => arrived++, {
        isLasting: () => isLasting && arrived < 2,
        isFinal: () => arrived === 2,
      })
      expect(await exchange(all)).toEqual(['keep-alive', 'close'])
      expect(seen).toEqual(['/1', '/2'])
    },
  )

  test('says close also if the drain is broken off before it is answered', async () => {
    const waiting: http.ServerResponse[] = []
    respond = (response) => void waiting.push(response)
    const end = announce(undefined, { isFinal: () => true })
    const { client, read } = await connect()
    client.write(get + get)
    await expect.poll(() => waiting.length).toBe(1)
    end()
    waiting[0]!.end('done')
    await once(client, 'end')
    expect(connectionHeaders(read())).toEqual(['close'])
  })
})

test('when it is undone, the server is as it was', async () => {
  const undo = announce()
  undo()
  expect(Object.hasOwn(server, 'emit')).toBe(false)
  const { client, read } = await connect()
  client.write(get)
  await once(client, 'data')
  expect(connectionHeaders(read())).toEqual(['keep-alive'])
})

test('undone in the middle of a request, it leaves nothing on the parser', async () => {
  respond = () => undefined
  const requested = once(server, 'request') as Promise<[http.IncomingMessage]>
  const { client } = await connect()
  client.write(get)
  const [{ socket }] = await requested
  const before = { ...parserOf(socket) }
  const undo = announce()
  expect({ ...parserOf(socket) }).not.toEqual(before)
  undo()
  expect({ ...parserOf(socket) }).toEqual(before)
})

test('an emit of somebody else is put back', () => {
  const emit = server.emit.bind(server)
  server.emit = emit
  announce()()
  expect(server.emit).toBe(emit)
})
