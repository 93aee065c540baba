// Proves when the keys of a TLS server's session tickets are renewed, across a handoff too, and that keys
// which the application sets are left alone.
import tls from 'node:tls'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { TicketKeys } from '../../src/listeners/ticket-keys.js'
import { FakeSystem } from '../fake-system.js'

const rotationMs = 60_000
let system: FakeSystem

beforeEach(() => {
  system = new FakeSystem()
  vi.useFakeTimers({ toFake: ['Date'] })
})

afterEach(() => {
  vi.useRealTimers()
})

async function advance(durationMs: number): Promise<void> {
  vi.setSystemTime(Date.now() + durationMs)
  await system.advance(durationMs)
}

function serve(options: tls.TlsOptions = {}, intervalMs = rotationMs) {
  const server = tls.createServer(options)
  const tickets = new TicketKeys(server, system, intervalMs)
  return { server, tickets, keys: () => server.getTicketKeys().toString('base64') }
}

test('keys are renewed each time that theirs is over, until the server closes', async () => {
  const { tickets, keys } = serve()
  const seen = [keys()]
  tickets.start()
  for (let count = 0; count < 2; count++) {
    await advance(rotationMs - 1)
    expect(keys()).toBe(seen.at(-1))
    await advance(1)
    expect(seen).not.toContain(keys())
    seen.push(keys())
  }
  tickets.stop()
  expect(system.pendingMs).toEqual([])
})

test('a successor has the keys for as long as its predecessor would have had them', async () => {
  const first = serve()
  first.tickets.start()
  await advance(40_000)
  const second = serve()
  second.tickets.take(first.tickets.passed)
  second.tickets.start()
  expect(second.keys()).toBe(first.keys())
  await advance(19_999)
  expect(second.keys()).toBe(first.keys())
  await advance(1)
  const third = serve()
  third.tickets.take(second.tickets.passed)
  expect(third.tickets.passed).toMatchObject({ keys: second.keys(), sinceMs: Date.now() })
})

test('keys that are too old when they arrive are renewed at once', async () => {
  const { keys: old } = serve()
  const { tickets, keys } = serve()
  tickets.take({ keys: old(), sinceMs: Date.now() - 10 * rotationMs })
  tickets.start()
  await advance(0)
  expect(keys()).not.toBe(old())
})

test('a clock that was set back does not lengthen their life', () => {
  const { tickets } = serve()
  tickets.take({ keys: serve().keys(), sinceMs: Date.now() + 10 * rotationMs })
  tickets.start()
  expect(system.pendingMs).toEqual([rotationMs])
})

test('keys with a time in the future are renewed in time, however often they are passed on', async () => {
  const first = serve().keys()
  let { keys } = serve()
  let passed = { keys: first, sinceMs: Date.now() + 10 * rotationMs }
  for (let restarts = 0; restarts < 4; restarts++) {
    const { tickets, ...served } = serve()
    keys = served.keys
    tickets.take(passed)
    tickets.start()
    expect(keys()).toBe(first)
    await advance(rotationMs / 4)
    passed = tickets.passed
    tickets.stop()
  }
  expect(keys()).not.toBe(first)
})

test('0 renews them never', () => {
  const { tickets } = serve({}, 0)
  tickets.start()
  expect(system.pendingMs).toEqual([])
})

const own = Buffer.alloc(48, 'own')

test.each([
  ['createServer', () => serve({ ticketKeys: own })],
  [
    'setTicketKeys() before it listens',
    () => {
      const served = serve()
      served.server.setTicketKeys(own)
      return served
    },
  ],
])('keys given by %s stay, and no predecessor replaces them', (_, make) => {
  const { tickets, keys } = make()
  tickets.take(serve().tickets.passed)
  tickets.start()
  expect(system.pendingMs).toEqual([])
  expect(keys()).toBe(own.toString('base64'))
})

test('setTicketKeys() while it listens ends the renewal', () => {
  const { server, tickets, keys } = serve()
  tickets.start()
  expect(system.pendingMs).toEqual([rotationMs])
  server.setTicketKeys(own)
  expect(system.pendingMs).toEqual([])
  expect(keys()).toBe(own.toString('base64'))
})

test('a successor whose command line is another one keeps the context of its sessions, unless it has its own', () => {
  const contextOf = ({ server }: { server: tls.Server }): unknown =>
    (server as { sessionIdContext?: unknown }).sessionIdContext
  const first = serve()
  process.argv.push('--another')
  try {
    const [second, third] = [serve(), serve({ sessionIdContext: 'own' })]
    expect(contextOf(second)).not.toBe(contextOf(first))
    for (const each of [second, third]) each.tickets.take(first.tickets.passed)
    expect(contextOf(second)).toBe(contextOf(first))
    expect(contextOf(third)).toBe('own')
    expect(second.tickets.passed.sessionIdContext).toBe(contextOf(first))
  } finally {
    process.argv.pop()
  }
})

test('keys that are shared are those of all, or its own if nobody answers', async () => {
  const server = tls.createServer({})
  const offered: string[] = []
  const tickets = new TicketKeys(server, system, rotationMs, ({ keys }) => {
    offered.push(keys)
    return true
  })
  const keys = () => server.getTicketKeys().toString('base64')
  const first = keys()
  tickets.start()
  await advance(rotationMs)
  expect(offered).toHaveLength(1)
  expect(keys()).toBe(first)
  const { keys: ofAll } = serve()
  tickets.take({ keys: ofAll(), sinceMs: Date.now() })
  tickets.start()
  await advance(rotationMs - 1)
  expect(keys()).toBe(ofAll())
  await advance(1 + 5_000)
  expect(offered).toHaveLength(2)
  expect(keys()).toBe(offered[1])
  tickets.stop()
  expect(system.pendingMs).toEqual([])
})
