// Proves that the load finds what a server loses, cuts, delays, duplicates, reorders and corrupts: each fault, by its
// kind, as often as the server did it, and nothing else.
import { expect, test, type TestContext, vi } from 'vitest'
import type { ConnectionEvent } from '../src/record/connection-log.js'
import type { Outcome } from '../src/record/outcome.js'
import { Recorder } from '../src/record/recorder.js'
import { Load, type LoadSize } from '../src/traffic/load.js'
import { Plan } from '../src/traffic/plan.js'
import { type Http1Fault, startHttp1 } from './faults/http1-server.js'
import { type Http2Fault, startHttp2 } from './faults/http2-server.js'
import { Rotation } from './faults/rotation.js'
import { delayMs, startWebSockets, type WebSocketFault } from './faults/web-socket-server.js'

/** Long: on a busy machine late does not mean lost. */
const timeoutMs = 60_000
const rounds = 3
vi.setConfig({ testTimeout: 100_000 })
const none: LoadSize = {
  kept: 0,
  rate: 0,
  fresh: 0,
  idle: 0,
  webSockets: 0,
  webSocketPath: undefined,
}

const http1Outcomes: Record<Http1Fault, Outcome> = {
  lose: 'timed-out',
  reset: 'reset',
  close: 'reset',
  cut: 'cut',
  'cut-chunks': 'cut',
  delay: 'answered',
  duplicate: 'answered',
  swap: 'foreign-body',
  corrupt: 'wrong-body',
  shorten: 'wrong-body',
  status: 'wrong-status',
  garble: 'malformed',
  'close-idle': 'answered',
  announce: 'answered',
}
const http1Faults = withoutLoss(http1Outcomes)
const freshFaults = http1Faults.filter((fault) => fault !== 'close-idle' && fault !== 'announce')

test.concurrent.for([
  { name: 'cleartext', isTls: false },
  { name: 'TLS', isTls: true },
])(
  'HTTP/1, kept, $name: each fault is found, and nothing else',
  async ({ isTls }, { onTestFinished }) => {
    const rotation = new Rotation(http1Faults, 2)
    const server = await started(onTestFinished, startHttp1(rotation, isTls))
    const { port } = server
    const size = { ...none, kept: 40, rate: 20 }
    const found = await load(rotation, http1Faults, size, { port, isTls })
    const { requests, counts } = rotation
    const { raced } = server
    expectOutcomes(found, { requests: requests + raced, counts, reset: raced }, http1Outcomes)
    expect(found.unasked).toBe(counts['duplicate'])
    const {
      'close-idle': closed = 0,
      reset = 0,
      close = 0,
      cut = 0,
      'cut-chunks': inChunks = 0,
    } = counts
    expect(ends(found, 'while-idle')).toBe(closed - raced)
    expect(ends(found, 'announced')).toBe(counts['announce'])
    expect(ends(found, 'in-request')).toBe(reset + close + cut + inChunks + raced)
    expectDelays(found, rotation)
  },
)

test.concurrent.for([
  { name: 'cleartext', isTls: false },
  { name: 'TLS', isTls: true },
])(
  'HTTP/1, fresh, $name: each fault is found, and nothing else',
  async ({ isTls }, { onTestFinished }) => {
    const rotation = new Rotation(freshFaults, 2)
    const { port } = await started(onTestFinished, startHttp1(rotation, isTls))
    const found = await load(rotation, freshFaults, { ...none, fresh: 15 }, { port, isTls })
    expectOutcomes(found, rotation, http1Outcomes)
    expect(found.unasked).toBe(rotation.counts['duplicate'])
    expect(ends(found, 'while-idle') + ends(found, 'announced')).toBe(0)
    expectDelays(found, rotation)
  },
)

const http2Outcomes: Record<Http2Fault, Outcome> = {
  lose: 'timed-out',
  reset: 'reset',
  refuse: 'turned-away',
  cut: 'cut',
  delay: 'answered',
  swap: 'foreign-body',
  corrupt: 'wrong-body',
  status: 'wrong-status',
  'go-away': 'answered',
}
const http2Faults = withoutLoss(http2Outcomes)

test.concurrent.for([
  { name: 'cleartext', isTls: false },
  { name: 'TLS', isTls: true },
])(
  'HTTP/2, $name: each fault is found, and nothing else',
  async ({ isTls }, { onTestFinished }) => {
    const rotation = new Rotation(http2Faults, 2)
    const { port } = await started(onTestFinished, startHttp2(rotation, isTls))
    const size = { ...none, kept: 10, rate: 20, fresh: 2 }
    const found = await load(rotation, http2Faults, size, { port, isTls, isHttp2: true })
    expectOutcomes(found, rotation, http2Outcomes)
    expect(found.unasked).toBe(0)
    expect(ends(found, 'while-idle') + ends(found, 'in-request')).toBe(0)
    expect(ends(found, 'announced')).toBeGreaterThan(0)
    expectDelays(found, rotation)
  },
)

const webSocketOutcomes: Record<WebSocketFault, Outcome> = {
  lose: 'timed-out',
  terminate: 'reset',
  close: 'reset',
  delay: 'answered',
  duplicate: 'answered',
  reorder: 'out-of-order',
  corrupt: 'wrong-body',
  garble: 'wrong-body',
}

test.concurrent('WebSockets: each fault is found, and nothing else', async ({ onTestFinished }) => {
  const faults = withoutLoss(webSocketOutcomes)
  const rotation = new Rotation(faults, 2)
  const { port } = await started(onTestFinished, startWebSockets(rotation))
  const size = { ...none, webSockets: 10, webSocketPath: '/' }
  const found = await load(rotation, faults, size, { port, isTls: false })
  expect(found.unasked).toBe(rotation.counts['duplicate'])
  expect(ends(found, 'announced')).toBe(rotation.counts['close'])
  expect(ends(found, 'in-request')).toBe(rotation.counts['terminate'])
  expect(ends(found, 'while-idle')).toBe(0)
  // The second message of a pair ends with the connection, too.
  const { terminate = 0, close = 0 } = rotation.counts
  const requests = rotation.requests * 2
  expectOutcomes(
    found,
    { requests, counts: rotation.counts, reset: terminate + close },
    webSocketOutcomes,
  )
  expectDelays(found, rotation)
})

test.concurrent.for([
  { name: 'HTTP/1, kept', size: { kept: 5 }, start: (lost: Lost) => startHttp1(lost, false) },
  { name: 'HTTP/1, fresh', size: { fresh: 10 }, start: (lost: Lost) => startHttp1(lost, false) },
  { name: 'TLS', size: { kept: 5 }, isTls: true, start: (lost: Lost) => startHttp1(lost, true) },
  {
    name: 'HTTP/2',
    size: { kept: 5 },
    isHttp2: true,
    start: (lost: Lost) => startHttp2(lost, false),
  },
  { name: 'WebSockets', size: { webSockets: 2, webSocketPath: '/' }, start: startWebSockets },
])('$name: a request that gets no response has timed out', async (row, { onTestFinished }) => {
  const { name, size, start, isTls = false, isHttp2 = false } = row
  const rotation: Lost = new Rotation(['lose'], 1)
  const { port } = await started(onTestFinished, start(rotation))
  const where = { port, isTls, isHttp2, timeoutMs: 500 }
  const found = await load(rotation, ['lose'], { ...none, rate: 20, ...size }, where)
  const outcomes = [...found.requests].map(({ outcome }) => outcome)
  // Of two messages on a WebSocket the first one is lost.
  const others = outcomes.filter((outcome) => outcome !== 'answered')
  expect(new Set(others)).toEqual(new Set(['timed-out']))
  expect(others.length).toBeGreaterThanOrEqual(rotation.requests)
  expect(outcomes.length - others.length).toBe(name === 'WebSockets' ? rotation.requests : 0)
})

type Lost = Rotation<'lose'>

/** Lists the faults but the loss of a request, which is known only after the time limit. */
function withoutLoss<Fault extends string>(
  outcomes: Record<Fault, Outcome>,
): Exclude<Fault, 'lose'>[] {
  return (Object.keys(outcomes) as Fault[]).filter(
    (fault): fault is Exclude<Fault, 'lose'> => fault !== 'lose',
  )
}

interface Where {
  port: number
  isTls: boolean
  isHttp2?: boolean
  timeoutMs?: number
}

/** Puts load on a server until each fault has had its turn a few times. */
async function load(
  rotation: Rotation<string>,
  faults: readonly string[],
  size: LoadSize,
  where: Where,
): Promise<Recorder> {
  const { port, isTls, isHttp2 = false } = where
  const recorder = new Recorder()
  const target = {
    host: '127.0.0.1',
    port,
    authority: `127.0.0.1:${port}`,
    isTls,
    pidHeader: '',
    timeoutMs: where.timeoutMs ?? timeoutMs,
  }
  const plan = new Plan([], { path: '/', weight: 1, status: 200 })
  const clients = new Load({ target, isHttp2, plan, recorder }, size)
  recorder.start()
  clients.start()
  // Not `expect.poll`, which knows no tests that run at the same time.
  const until = (isSo: () => boolean): Promise<void> =>
    vi.waitUntil(isSo, { timeout: 50_000, interval: 20 }).then(() => undefined)
  const done = (): number => Object.values(rotation.counts).reduce((sum, count) => sum + count, 0)
  await until(() => done() >= rounds * faults.length)
  // Until what was done last has been noticed.
  rotation.isOver = !faults.includes('lose')
  const { requests } = rotation
  await until(() => rotation.requests > requests + 20)
  await clients.stop()
  recorder.stop()
  return recorder
}

/** Expects the outcomes of all requests to be what the server did, and no other. */
function expectOutcomes<Fault extends string>(
  found: Recorder,
  done: { requests: number; counts: Record<string, number>; reset?: number },
  outcomes: Record<Fault, Outcome>,
): void {
  // Requests on an HTTP/2 connection that the server was about to close: it has not looked at them, and said so.
  const unseen = 'go-away' in done.counts ? found.requests.length - done.requests : 0
  const expected: Partial<Record<Outcome, number>> = {}
  const add = (outcome: Outcome, count: number): void => {
    if (count > 0) expected[outcome] = (expected[outcome] ?? 0) + count
  }
  add('turned-away', unseen)
  add('reset', done.reset ?? 0)
  let well = done.requests - (done.reset ?? 0)
  for (const [fault, count] of Object.entries(done.counts)) {
    add(outcomes[fault as Fault], count)
    well -= count
  }
  add('answered', well)
  const counted: Partial<Record<Outcome, number>> = {}
  for (const { outcome } of found.requests) counted[outcome] = (counted[outcome] ?? 0) + 1
  expect(counted).toEqual(expected)
}

/** Expects at least as many slow answers as were delayed. A busy machine may make more. */
function expectDelays(found: Recorder, rotation: Rotation<string>): void {
  const slow = [...found.requests].filter(
    ({ outcome, sentMs, endedMs }) => outcome === 'answered' && endedMs - sentMs >= delayMs - 1,
  )
  expect(slow.length).toBeGreaterThanOrEqual(rotation.counts['delay'] ?? 0)
}

function ends(found: Recorder, how: ConnectionEvent['what']): number {
  return found.connections.events.filter(({ what }) => what === how).length
}

async function started<Server extends { close: () => void }>(
  onTestFinished: TestContext['onTestFinished'],
  starting: Promise<Server>,
): Promise<Server> {
  const server = await starting
  onTestFinished(() => server.close())
  return server
}
