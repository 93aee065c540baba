// Proves that a supervisor takes every message that endless sends, and none that is of another shape, out of
// range or too long, and that nothing that it is given makes the check fail.
import type { ToSupervisor } from '@endless/core/for-cli'
import { describe, expect, test } from 'vitest'
import { refusalOf } from '../../src/supervisor/message-rules.js'

const bound = { address: '::', family: 'IPv6', port: 443 }
const keys = 'k'.repeat(64)
const counts = {
  restarts: { 'taken-over': 1, failed: 0, 'rolled-back': 0 },
  moved: { restart: 40, rollback: 0, balance: 12, scale: 0 },
  durations: [0, 1],
  durationMs: 230,
}
const status = {
  number: 3,
  pid: 4711,
  state: 'running' as const,
  isOnProbation: false,
  uptimeMs: 12,
  memoryBytes: 50_000_000,
  utilization: 0.2,
  servers: [
    {
      address: '127.0.0.1:80',
      state: 'running' as const,
      madeBy: 'register' as const,
      connections: { open: 1, idle: 1, busy: 0, upgraded: 0, http2: 0, handshaking: 0 },
      requests: 0,
    },
  ],
  options: [{ name: 'hammerTimeMs', value: '30000', from: '/srv/shop/package.json' }],
  left: [{ address: 'port 0', why: 'the system chooses it' }],
  lastRestart: {
    outcome: 'failed' as const,
    number: 4,
    pid: null,
    durationMs: 17,
    dropped: [],
    agoMs: 1,
    error: {
      code: 'ERR_ENDLESS_SUCCESSOR_EXITED',
      message: 'bad',
      exitCode: null,
      signal: 'SIGKILL',
      stderr: ['x'],
    },
  },
}
const error = { name: 'TypeError', message: 'bad', stack: 'at x', code: 'ENOENT' }

/** One message of each type, with every field that it may have. */
const samples: { [type in ToSupervisor['type']]: ToSupervisor & { type: type } } = {
  hello: { type: 'hello', version: 1 },
  error: { type: 'error', error: { ...error, isHandled: true } },
  stderr: { type: 'stderr', text: 'oh' },
  escrow: {
    type: 'escrow',
    name: 'app.socket',
    asked: 'tcp::443',
    bound,
    ticketKeys: { keys, sinceMs: 1 },
  },
  released: { type: 'released', bound: '[::]:443' },
  ready: {
    type: 'ready',
    adopts: ['[::]:443'],
    serves: ['[::]:443'],
    allowsAddressChange: false,
    pidFile: '/run/app.pid',
    control: '/run/app.sock',
    readyTimeoutMs: 60_000,
    probationMs: -1,
    givesBack: true,
    countsAnswers: true,
  },
  serving: { type: 'serving', control: { path: '/run/app.sock', identity: '1:2:3' } },
  adopted: { type: 'adopted', id: 1 },
  declined: { type: 'declined', id: 1 },
  'upgrade-adopted': { type: 'upgrade-adopted', id: 1 },
  'upgrade-declined': { type: 'upgrade-declined', id: 1 },
  succeeded: { type: 'succeeded' },
  'taken-back': { type: 'taken-back' },
  heir: { type: 'heir' },
  'ask-older': { type: 'ask-older', id: 1, isHammered: true },
  limit: { type: 'limit', living: 4 },
  leaving: { type: 'leaving', hasTakenOver: false },
  'ask-alive': { type: 'ask-alive' },
  alive: { type: 'alive' },
  'ask-answers': { type: 'ask-answers' },
  answers: { type: 'answers', answers: 500, errors: 3 },
  'ask-rollback': { type: 'ask-rollback', reason: 'it is bad' },
  'ask-proven': { type: 'ask-proven' },
  'giving-back': { type: 'giving-back' },
  'returned-connection': {
    type: 'returned-connection',
    id: 1,
    bound: '[::]:443',
    isFresh: false,
    keepAliveTimeoutMs: 5_000,
    requests: 2,
  },
  'returned-upgrade': {
    type: 'returned-upgrade',
    id: 1,
    bound: '[::]:443',
    state: '{}',
    head: 'gQA=',
  },
  listener: { type: 'listener', asked: 'unix:/a', bound: { path: '/a', identity: '1:2:3' } },
  welcome: {
    type: 'welcome',
    version: 1,
    generation: 1,
    directory: '/srv/current',
    ticketKeys: { '[::]:443': { keys, sinceMs: 1 } },
    supervisor: { isAtTerminal: false, isFirst: false },
    serviceManager: { socket: '/run/notify', watchdogMs: 10 },
    control: { path: '/run/app.sock', identity: '1:2:3' },
    fallback: 'line',
    counts,
  },
  'taken-over': { type: 'taken-over', afterMs: 230, dropped: ['[::]:80'], probationMs: -1 },
  proven: { type: 'proven' },
  rollback: {
    type: 'rollback',
    reason: 'it is bad',
    serves: ['[::]:443'],
    adopts: ['[::]:443'],
  },
  'serves-again': { type: 'serves-again', to: 4711 },
  'return-answer': { type: 'return-answer', of: 'upgrade', id: 1, isAdopted: true, to: 4711 },
  older: { type: 'older', id: 1, generations: [status] },
  connection: {
    type: 'connection',
    id: 1,
    bound: '[::]:443',
    isFresh: false,
    keepAliveTimeoutMs: 5_000,
    requests: 2,
  },
  upgrade: { type: 'upgrade', id: 1, bound: '[::]:443', state: '{}', head: 'gQA=' },
  spawn: {
    type: 'spawn',
    launch: { command: '/usr/bin/node', args: ['app.js'], cwd: '/srv', env: { PATH: '/bin' } },
    overrides: ['command'],
  },
  kill: { type: 'kill', signal: 'SIGTERM', pid: 4711 },
  'not-serving': { type: 'not-serving' },
  answer: { type: 'answer', id: 1, value: status },
  restart: {
    type: 'restart',
    id: 1,
    wait: 'proven',
    allowAddressChange: true,
    maxBlockedMs: 5_000,
    maxErrors: 0.05,
    parallel: 2,
  },
  'renew-ticket-keys': {
    type: 'renew-ticket-keys',
    bound: '[::]:443',
    ticketKeys: { keys, sinceMs: 2 },
    sinceMs: 1,
  },
  given: {
    type: 'given',
    id: 1,
    bound: '[::]:443',
    isFresh: false,
    keepAliveTimeoutMs: 5_000,
    requests: 3,
  },
  taken: { type: 'taken', id: 1, isTaken: true },
  load: { type: 'load', open: 40, utilization: 0.5 },
  metrics: { type: 'metrics', id: 1, text: '# EOF\n' },
  counted: { type: 'counted', counts },
  'ask-metrics': { type: 'ask-metrics', id: 1 },
  refusal: {
    type: 'refusal',
    id: 1,
    error: { ...error, pid: 1, exitCode: null, signal: 'SIGKILL', stderr: ['x'] },
  },
}

const withHandle = [
  'escrow',
  'listener',
  'connection',
  'upgrade',
  'given',
  'returned-connection',
  'returned-upgrade',
]
const all = Object.entries(samples)

describe.each(all)('%s', (type, sample) => {
  test('is taken, also with fields of another version', () => {
    const sent = JSON.parse(
      JSON.stringify({ cmd: 'NODE_ENDLESS', ...sample, further: [1] }),
    ) as object
    expect(refusalOf(sent, false)).toBeUndefined()
    expect(refusalOf(sent, true)).toBe(
      withHandle.includes(type) ? undefined : `'${type}' comes without a handle`,
    )
  })

  const fields = Object.keys(sample).filter((name) => name !== 'type' && name !== 'supervisor')
  test.each(fields)('is refused with a wrong %s', (field) => {
    const wrong = [Infinity, -1, 1.5, true, [], {}, { length: 1 }, [[]], 'x'.repeat(50_000_000)]
    // What is right for one field is wrong for most: none may take all of them.
    const taken = wrong.filter(
      (value) => refusalOf({ ...sample, [field]: value }, false) === undefined,
    )
    const mayBe: Record<string, unknown[]> = {
      isFresh: [true],
      isHammered: [true],
      hasTakenOver: [true],
      adopts: [[]],
      serves: [[]],
      dropped: [[]],
      allowsAddressChange: [true],
      overrides: [[]],
      generations: [[]],
      ticketKeys: type === 'welcome' ? [{}] : [],
      givesBack: [true],
      countsAnswers: [true],
      maxBlockedMs: [-1, 1.5],
      isAdopted: [true],
      probationMs: [-1, 1.5],
      sinceMs: [1.5],
      afterMs: [1.5],
      readyTimeoutMs: [1.5],
      keepAliveTimeoutMs: [-1, 1.5],
      utilization: [1.5],
      isTaken: [true],
      allowAddressChange: [true],
    }
    expect(taken.filter((value) => !isOneOf(value, mayBe[field] ?? []))).toEqual([])
    expect(refusalOf({ ...sample, [field]: null }, false)).toBe(
      field === 'keepAliveTimeoutMs' ? undefined : `'${field}' of '${type}' has a wrong value`,
    )
  })

  test('is refused with anything wrong deeper inside', () => {
    for (const path of leaves(sample)) {
      if (path.includes('supervisor') || path.length < 2) continue
      const wrong = changed(sample, path, { a: 1 })
      expect([path.join('.'), refusalOf(wrong, false)]).toEqual([
        path.join('.'),
        `'${path[0]!}' of '${type}' has a wrong value`,
      ])
    }
  })
})

test('without what is not always there, a message is taken', () => {
  const messages: ToSupervisor[] = [
    { type: 'error', error: { name: 'Error', message: '' } },
    { type: 'escrow', asked: 'fd:3', bound },
    { type: 'ready', adopts: [] },
    { type: 'leaving' },
    { type: 'taken-over' },
    { type: 'answer', id: 1, value: { number: 1, pid: 2, durationMs: 3.5 } },
    { type: 'answer', id: 1, value: { ...status, lastRestart: null } },
    { type: 'refusal', id: 1, error: { name: 'Error', message: '' } },
  ]
  expect(messages.map((message) => refusalOf(message, false))).toEqual(
    messages.map(() => undefined),
  )
})

test.each([
  {},
  { type: 1 },
  { type: 'unknown' },
  { type: '__proto__' },
  { type: 'constructor' },
  { type: ['kill'] },
])('%j has no type that is known', (message) => {
  expect(refusalOf(message, false)).toBe('its type is unknown')
})

test.each(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'])(
  'a successor may be sent %s',
  (signal) => {
    expect(refusalOf({ type: 'kill', signal } as object, false)).toBeUndefined()
  },
)

test.each(['SIGSTOP', 'SIGSEGV', 'SIGCONT', '0', 'toString', 9])(
  'a successor may not be sent %s',
  (signal) => {
    expect(refusalOf({ type: 'kill', signal } as object, false)).toBeDefined()
  },
)

test('a field is read from the message alone, and not from what all objects have', () => {
  const inherited = Object.create({ signal: 'SIGTERM' }) as object
  expect(refusalOf(Object.assign(inherited, { type: 'kill' }), false)).toBeDefined()
})

function isOneOf(value: unknown, values: unknown[]): boolean {
  return values.some((each) => JSON.stringify(each) === JSON.stringify(value))
}

/** The paths of all values that hold no others. */
function leaves(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path]
  return Object.entries(value).flatMap(([key, each]) => leaves(each, [...path, key]))
}

function changed(value: object, path: string[], to: unknown): object {
  const copy = structuredClone(value) as Record<string, unknown>
  let at = copy
  for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>
  at[path.at(-1)!] = to
  return copy
}
