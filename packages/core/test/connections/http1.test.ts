// Proves that a drain stops a connection that is never idle: it is no longer read from until it has moved, or until it
// cannot move any more.
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { drainHttp1 } from '../../src/connections/http1.js'
import { OpenConnections } from '../../src/connections/open-connections.js'
import { Migration } from '../../src/migration/migration.js'
import { FakeSystem, settle } from '../fake-system.js'

const bound = '127.0.0.1:80'

let system: FakeSystem
let server: http.Server
let client: net.Socket
/** What the client has read. */
let text: string
/** The requests that have arrived and not been answered. */
let waiting: { request: http.IncomingMessage; response: http.ServerResponse }[]
/** The paths of all that have arrived. */
let seen: string[]
let migration: Migration
let sent: number[]
let undo: () => void

beforeEach(async () => {
  system = new FakeSystem()
  waiting = []
  seen = []
  sent = []
  text = ''
  server = http.createServer((request, response) => {
    seen.push(request.url ?? '')
    waiting.push({ request, response })
  })
  const connections = new OpenConnections(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  migration = new Migration(system, new Set([bound]), ({ id }) => {
    sent.push(id)
    return Promise.resolve()
  })
  client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  client.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
  await ask('a')
  undo = drainHttp1(server, connections, {
    system,
    idleGraceMs: () => 60_000,
    hammerTimeMs: 60_000,
    wayOut: { migration, bound, mayMove: undefined },
  })
})

afterEach(async () => {
  undo()
  client.destroy()
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
})

const get = (name: string): string => `GET /${name} HTTP/1.1\r\nHost: a\r\n\r\n`

/** Sends a request, and waits until it has arrived. */
async function ask(name: string): Promise<void> {
  client.write(get(name))
  await expect.poll(() => seen).toContain(`/${name}`)
  await settle()
}

/** Sends a request that nobody reads. */
async function askInVain(name: string): Promise<void> {
  client.write(get(name))
  await settle(50)
  expect(seen).not.toContain(`/${name}`)
}

/** Answers all that has arrived, and waits until nothing is under way. */
async function answerAll(): Promise<void> {
  for (const { response } of waiting.splice(0)) {
    response.end('done')
    await once(response, 'close')
  }
  await settle()
}

/** Has the connection busy for as long as the drain bears, with another request behind the one that waits. */
async function beNeverIdle(): Promise<void> {
  await system.advance(1_000)
  await ask('b')
}

test('what has been read is answered, what comes then stays in the kernel, and the connection moves', async () => {
  await beNeverIdle()
  await askInVain('c')
  await answerAll()
  expect([seen, sent]).toEqual([['/a', '/b'], [1]])
  expect(text).not.toMatch(/^connection: close/im)
})

test('before its time, and while half a request has been read, it is read from', async () => {
  await system.advance(999)
  await ask('b')
  await ask('c')
  client.write(get('d') + get('e').slice(0, 10))
  await expect.poll(() => seen).toContain('/d')
  await system.advance(1)
  await settle()
  client.write(get('e').slice(10))
  await expect.poll(() => seen).toContain('/e')
  await settle()
  await askInVain('f')
})

test('one that waits for a single response is read from, so that the end of its client is noticed', async () => {
  await system.advance(5_000)
  const { request, response } = waiting[0]!
  expect(request.socket.destroyed).toBe(false)
  client.destroy()
  await once(response, 'close')
  expect(response.writableFinished).toBe(false)
})

test.each([
  [
    'declines it',
    () => {
      migration.declined(1)
    },
  ],
  [
    'is gone',
    () => {
      migration.abort()
    },
  ],
])(
  'if the successor %s, it is read from again, and its next response is the last',
  async (_, fail) => {
    await beNeverIdle()
    await askInVain('c')
    await answerAll()
    expect(sent).toEqual([1])
    fail()
    await expect.poll(() => seen).toContain('/c')
    await settle()
    await answerAll()
    await expect.poll(() => client.readableEnded).toBe(true)
    expect(text.match(/^connection: .*$/gim)?.map((line) => line.toLowerCase())).toEqual([
      'connection: keep-alive',
      'connection: keep-alive',
      'connection: close',
    ])
  },
)

test('if the drain is broken off meanwhile, it is read from again, and lives on', async () => {
  await beNeverIdle()
  await askInVain('c')
  undo()
  await expect.poll(() => seen).toContain('/c')
  await answerAll()
  expect(text).not.toMatch(/^connection: close/im)
  await ask('d')
})

test('after half of the hammer time the next response is the last even of a connection that may move', async () => {
  await system.advance(30_000)
  client.write(get('b') + get('c'))
  await expect.poll(() => seen).toContain('/b')
  await answerAll()
  await expect.poll(() => client.readableEnded).toBe(true)
  expect([seen, sent]).toEqual([['/a', '/b'], []])
  expect(text.match(/^connection: close/gim)).toHaveLength(1)
})
