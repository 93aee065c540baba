// Proves how the drain of a server begins, how it is broken off, and what is told of it: with a real
// server, and a clock that stands still.
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Draining } from '../../src/connections/draining.js'
import { OpenConnections } from '../../src/connections/open-connections.js'
import type { Migration } from '../../src/migration/migration.js'
import { Life } from '../../src/server/life.js'
import { FakeSystem, settle } from '../fake-system.js'

const grace = { idleGraceMs: () => 5_000 }
let system: FakeSystem
let server: http.Server
let draining: Draining
/** What the drain tells, and the server's own 'close'. */
let seen: string[]
const clients: net.Socket[] = []

beforeEach(async () => {
  system = new FakeSystem()
  seen = []
  server = http.createServer()
  const logger = { info: () => undefined, warn: () => undefined, error: () => undefined }
  draining = new Draining(server, new OpenConnections(server), new Life(), {
    system,
    logger,
    draining: (upgraded) => seen.push(`draining ${String(upgraded.length)}`),
    hammered: (destroyed) => seen.push(`hammered ${String(destroyed)}`),
  })
  server.on('close', () => seen.push('close'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  draining.breakOff()
  draining.letClose()
  server.close()
  server.closeAllConnections()
  await settle()
})

/** Makes a request that is never answered. */
async function ask(): Promise<net.Socket> {
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  clients.push(client)
  client.on('error', () => undefined) // the hammer may reset it
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(server, 'request')
  return client
}

const symbolValues = (object: object): unknown[] =>
  Object.getOwnPropertySymbols(object).map((key) => (object as Record<symbol, unknown>)[key])
const isTimer = (value: unknown): boolean => value?.constructor.name === 'Timeout'
const isCleared = (timer: unknown): boolean => (timer as { _destroyed: boolean })._destroyed

/** Whether it has drained. */
function watchDrained(): { isDrained: boolean } {
  const watched = { isDrained: false }
  void draining.drained().then(() => (watched.isDrained = true))
  return watched
}

test('a server that stops accepting does not close before it is let', async () => {
  draining.stopAccepting('shutdown')
  await settle()
  expect([server.listening, draining.isUnderWay, seen]).toEqual([false, false, []])
  await draining.drained()
  draining.letClose()
  await settle()
  expect(seen).toEqual(['close'])
})

test('it has drained when its last connection has ended', async () => {
  const client = await ask()
  draining.stopAccepting('shutdown')
  draining.begin(60_000, grace)
  const watched = watchDrained()
  await settle()
  expect([draining.isUnderWay, watched.isDrained, seen]).toEqual([true, false, ['draining 0']])
  client.destroy()
  await once(client, 'close')
  await settle()
  expect(watched.isDrained).toBe(true)
})

test('its report tells the reason, the time since it began, and what the hammer destroyed', async () => {
  await ask()
  await ask()
  draining.stopAccepting('handoff')
  draining.begin(1_000, grace)
  await system.advance(1_000)
  expect(seen).toEqual(['draining 0', 'hammered 2'])
  expect(draining.end()).toEqual({ reason: 'handoff', durationMs: 1_000, hammered: 2 })
  expect(draining.end()).toEqual({ reason: 'closed', durationMs: 0, hammered: 0 })
})

test('the hammer falls only where connections are being ended', async () => {
  await ask()
  draining.strike()
  draining.stopAccepting('shutdown')
  draining.strike()
  expect(seen).toEqual([])
  draining.begin(-1, grace)
  draining.strike()
  expect(seen).toEqual(['draining 0', 'hammered 1'])
})

test("with its end Node's own timer for connections ends, which would keep the server in memory", async () => {
  const timers = new Set<unknown>()
  for (const value of symbolValues(server)) if (isTimer(value)) timers.add(value)
  draining.stopAccepting('shutdown')
  draining.begin(1_000, grace)
  expect([...timers].map(isCleared)).toEqual([false])
  draining.end()
  expect([...timers].map(isCleared)).toEqual([true])
})

test('a drain that fails as it begins is ended by the hammer all the same', async () => {
  await ask()
  const accepted = once(server, 'connection')
  clients.push(net.connect((server.address() as net.AddressInfo).port, '127.0.0.1'))
  await accepted
  const migration = { takes: () => true, has: () => false } as unknown as Migration
  const mayMove = (): never => {
    throw new Error('on purpose')
  }
  draining.stopAccepting('handoff')
  expect(() => {
    draining.begin(1_000, { ...grace, wayOut: { migration, bound: '', mayMove } })
  }).toThrow('on purpose')
  await system.advance(1_000)
  expect(seen).toEqual(['hammered 2'])
})

test('one that is broken off hammers nothing, and is told by no later report', async () => {
  await ask()
  draining.stopAccepting('handoff')
  draining.begin(1_000, grace)
  draining.breakOff()
  await system.advance(1_000)
  expect([draining.isUnderWay, seen]).toEqual([false, ['draining 0']])
  expect(draining.end()).toEqual({ reason: 'closed', durationMs: 0, hammered: 0 })
})

test('who waits for a drain that is broken off waits for the next', async () => {
  const client = await ask()
  const { port } = server.address() as net.AddressInfo
  draining.stopAccepting('handoff')
  draining.begin(60_000, grace)
  const watched = watchDrained()
  draining.breakOff()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  draining.letClose()
  client.destroy()
  await settle()
  expect(watched.isDrained).toBe(false)
  draining.stopAccepting('shutdown')
  await settle()
  expect(watched.isDrained).toBe(true)
})

test('who does not wait any more is told nothing', async () => {
  const client = await ask()
  draining.stopAccepting('handoff')
  draining.begin(60_000, grace)
  const wait = new AbortController()
  const seen: string[] = []
  void draining.drained(wait.signal).then(() => seen.push('drained'))
  wait.abort()
  client.destroy()
  await settle()
  expect(seen).toEqual([])
  await draining.drained()
  draining.letClose()
})

test('a request that waits to be read is answered, though its connection has been idle for long enough', async () => {
  server.on('request', (_request, response: http.ServerResponse) => response.end('read'))
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  clients.push(client)
  await once(server, 'connection')
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  draining.stopAccepting('shutdown')
  draining.begin(60_000, { idleGraceMs: () => 0 })
  expect((await client.setEncoding('utf8').toArray()).join('')).toMatch(
    /^HTTP\/1.1 200 OK\r\n[^]*Connection: close\r\n[^]*read/,
  )
})
