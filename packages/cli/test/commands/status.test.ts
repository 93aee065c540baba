// Proves how a status reads: ages in their two largest units, columns as wide as they must be, and each kind of
// generation, restart and death in a line.
import type { RollProgress, ServiceStatus } from '@endless/core/for-cli'
import { describe, expect, test } from 'vitest'
import { formatAge, formatBytes, formatTable } from '../../src/commands/format.js'
import { formatStatus } from '../../src/commands/status.js'

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

test.each([
  [0, '0 s'],
  [999, '0 s'],
  [12 * second, '12 s'],
  [minute, '1 min'],
  [5 * minute + 10.4 * second, '5 min 10 s'],
  [hour + 5 * second, '1 h'],
  [3 * day + 2 * hour + 59 * minute, '3 d 2 h'],
  [400 * day, '400 d'],
])('%d ms are %s', (durationMs, text) => {
  expect(formatAge(durationMs)).toBe(text)
})

test('bytes are in whole MB', () => {
  expect(formatBytes(57_481_216)).toBe('57 MB')
})

test('numbers are to the right, texts to the left, without blanks at the end', () => {
  const rows = [
    ['a', '1', 'x'],
    ['long', '1000', ''],
  ]
  expect(formatTable(['NAME', 'N', 'LAST'], rows)).toEqual([
    'NAME     N  LAST',
    'a        1  x',
    'long  1000',
  ])
})

test('without a row there are the titles', () => {
  expect(formatTable(['NAME', 'N'], [])).toEqual(['NAME  N'])
})

const connections = { open: 4, idle: 2, busy: 1, upgraded: 1, http2: 0, handshaking: 0 }
const told: ServiceStatus = {
  pid: 10,
  supervisor: {
    pid: 10,
    name: 'shop',
    directory: '/srv/shop',
    uptimeMs: day,
    memoryBytes: 41_000_000,
  },
  generations: [
    {
      number: 3,
      pid: 300,
      state: 'shutting-down',
      uptimeMs: hour,
      memoryBytes: 80_000_000,
      servers: [
        { address: null, state: 'shutting-down', madeBy: 'code', connections, requests: 1 },
      ],
    },
    {
      number: 4,
      pid: 4000,
      state: 'running',
      uptimeMs: 5 * second,
      memoryBytes: 75_000_000,
      servers: [
        { address: '[::]:3000', state: 'running', madeBy: 'code', connections, requests: 2 },
      ],
    },
    { number: 5, pid: 5000, state: 'booting', uptimeMs: 0, memoryBytes: null, servers: [] },
  ],
  startingInMs: null,
  lastRestart: {
    outcome: 'taken-over',
    number: 4,
    pid: 4000,
    durationMs: 230,
    dropped: [],
    agoMs: 5 * second,
    error: null,
  },
  lastDeath: {
    number: 2,
    pid: 200,
    agoMs: 2 * hour,
    inARow: 1,
    code: null,
    signal: 'SIGKILL',
    error: null,
    stderr: ['first', 'last words'],
  },
}

test('a status has generations, listeners, the last restart and the last death', () => {
  expect(formatStatus(told)).toMatchInlineSnapshot(`
    "shop in /srv/shop: supervisor pid 10, up 1 d, 41 MB

    GENERATION   PID  STATE          AGE  MEMORY  IN FLIGHT
             3   300  shutting-down  1 h  80 MB           1
             4  4000  running        5 s  75 MB           2
             5  5000  booting        0 s  -               0

    LISTENER   GENERATION  OPEN  IDLE  BUSY  UPGRADED  HTTP/2  HANDSHAKING
    (closed)            3     4     2     1         1       0            0
    [::]:3000           4     4     2     1         1       0            0

    last restart: generation 4 has taken over after 230 ms, 5 s ago
    last death: generation 2 (pid 200) was ended by SIGKILL: last words, 2 h ago
      | first
      | last words"
  `)
})

describe('with several workers', () => {
  const [draining, running] = told.generations
  const workers: ServiceStatus = {
    ...told,
    supervisor: { ...told.supervisor!, workers: 2, evenedOut: 131, roll: null },
    generations: [
      { ...draining!, slot: 0, utilization: 0.004 },
      { ...running!, slot: 0, utilization: 0.206 },
      { ...running!, slot: 1, state: 'unresponsive', memoryBytes: null, servers: [] },
    ],
    lastRestart: null,
    lastDeath: null,
  }

  test('each has its slot, its connections and how busy it is; and what moved between them is told', () => {
    const [, second, , ...rows] = formatStatus(workers).split('\n')
    expect(second).toBe('2 workers; 131 connections have moved between them, to even them out')
    expect(rows.slice(0, 4).join('\n')).toMatchInlineSnapshot(`
      "SLOT  GENERATION   PID  STATE          AGE  MEMORY  IN FLIGHT  CONNECTIONS  BUSY LOOP
         0           3   300  shutting-down  1 h  80 MB           1            4  0 %
         0           4  4000  running        5 s  75 MB           2            4  21 %
         1           4  4000  unresponsive   5 s  -               0            0  -"
    `)
  })

  test('a restart tells how far it has come', () => {
    const third = (roll: RollProgress) =>
      formatStatus({ ...workers, supervisor: { ...workers.supervisor!, roll } }).split('\n')[2]
    expect(third({ done: [], of: 2 })).toBe('restarting: none of 2 has the new version yet')
    expect(third({ done: [0, 2], of: 4 })).toBe('restarting: slot 2 has the new version, 2 of 4')
  })
})

test('a restart that dropped addresses is told with them, and by an earlier version without', () => {
  const of = (dropped: string[] | undefined): string | undefined =>
    formatStatus({
      ...told,
      lastRestart: { ...told.lastRestart!, dropped: dropped! },
    })
      .split('\n')
      .find((line) => line.startsWith('last restart'))
  expect(of(['127.0.0.1:3001', 'unix:/a'])).toBe(
    'last restart: generation 4 has taken over after 230 ms, 5 s ago, ' +
      'and does not listen on 127.0.0.1:3001, unix:/a',
  )
  expect(of(undefined)).toBe('last restart: generation 4 has taken over after 230 ms, 5 s ago')
})

test('a restart that failed is told with its reason; without a death there is no line', () => {
  const error = {
    code: 'ERR_ENDLESS_READY_TIMEOUT',
    message: 'it was not ready',
    exitCode: null,
    signal: null,
    stderr: [],
  }
  const lastRestart = { ...told.lastRestart!, outcome: 'failed' as const, error }
  const lines = formatStatus({ ...told, lastRestart, lastDeath: null }).split('\n')
  expect(lines.at(-1)).toBe(
    'last restart: failed 5 s ago: ERR_ENDLESS_READY_TIMEOUT: it was not ready',
  )
})

test('what a program died of, and what it is called, forges no line and reaches no terminal', () => {
  const hostile = 'bad\x1b[2J\n[endless 1] all is well\u202e'
  const [first] = told.generations
  const lines = formatStatus({
    ...told,
    generations: [{ ...first!, state: hostile as 'running' }],
    lastDeath: { ...told.lastDeath!, error: hostile, stderr: [hostile] },
  }).split('\n')
  expect(lines.filter((line) => line.includes('all is well'))).toEqual(
    Array(3).fill(expect.stringContaining('bad\\x1b[2J\\n[endless 1] all is well\\u202e')),
  )
  expect(lines.join('')).not.toMatch(/\p{Cc}|\p{Bidi_Control}/u)
})

describe('while nothing serves', () => {
  const lastDeath = {
    ...told.lastDeath!,
    number: 1,
    pid: 210,
    code: 1,
    signal: null,
    error: 'Error: bad',
    stderr: [],
    agoMs: 2 * second,
    inARow: 6,
  }
  const outage: ServiceStatus = {
    ...told,
    generations: [],
    lastRestart: null,
    startingInMs: 2_100,
    lastDeath,
  }
  const secondLine = (given: ServiceStatus) => formatStatus(given).split('\n')[1]

  test('the status says so, why, how often, and when it goes on; without empty tables', () => {
    expect(formatStatus(outage)).toMatchInlineSnapshot(`
      "shop in /srv/shop: supervisor pid 10, up 1 d, 41 MB
      nothing serves: generation 1 exited with code 1 (Error: bad), 6 times; starting again in 3 s

      last restart: none
      last death: generation 1 (pid 210) exited with code 1: Error: bad, 2 s ago"
    `)
  })

  test('and a replacement boots, it says that', () => {
    const generations = [{ ...told.generations[2]!, number: 1 }]
    expect(secondLine({ ...outage, generations, startingInMs: null })).toBe(
      'nothing serves: generation 1 exited with code 1 (Error: bad), 6 times; generation 1 is being started',
    )
  })

  test('for the first time, or any more, it says that', () => {
    const [draining, , booting] = told.generations
    const first = { ...outage, startingInMs: null, lastDeath: null, generations: [booting!] }
    expect(secondLine(first)).toBe('nothing serves yet: the service is being started')
    expect(secondLine({ ...first, generations: [draining!] })).toBe(
      'nothing serves: the remaining generations drain',
    )
  })

  test.each(['running', 'restarting', 'unresponsive', 'init'] as const)(
    'it does not say so of a generation that is %s',
    (state) => {
      const generations = [{ ...told.generations[1]!, state }]
      expect(secondLine({ ...outage, startingInMs: null, generations })).toBe('')
    },
  )
})
