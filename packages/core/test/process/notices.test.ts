// Proves what the log tells of a shutdown and of a restart that go as they should.
import { describe, expect, test, vi } from 'vitest'
import { countConnections } from '../../src/connections/count.js'
import {
  backgroundNotice,
  openNotice,
  servesNotice,
  shutdownNotice,
} from '../../src/process/notices.js'
import type { Ancestry } from '../../src/process/parts/ancestry.js'
import type { Parts } from '../../src/process/parts/parts.js'
import type { Servers } from '../../src/process/parts/servers.js'
import { FakeSystem } from '../fake-system.js'

vi.mock('../../src/connections/count.js', async (original) => ({
  ...(await original<object>()),
  countConnections: vi.fn(),
}))

const serversOf = (...servers: [open: number, hammerTimeMs: number][]): Servers =>
  new Set(
    servers.map(([open, hammerTimeMs]) => ({
      hammerTimeMs,
      connections: { accepted: { size: open } },
    })),
  ) as unknown as Servers

describe('a shutdown tells', () => {
  test.each([
    ['without connections', serversOf([0, 60_000]), 0, 'no connection is open'],
    ['of one connection', serversOf([1, 60_000]), 0, '1 connection open, at most 60 s;'],
    ['of all servers', serversOf([1, 500], [2, 2_000]), 0, '3 connections open, at most 2 s;'],
    ['that nothing limits it', serversOf([1, -1]), 0, '1 connection open, no time limit;'],
    [
      'that it still accepts',
      serversOf([0, 60_000]),
      5_000,
      '0 connections open, accepts for another 5 s, then at most 60 s;',
    ],
  ])('%s', (_, servers, delayMs, text) => {
    expect(shutdownNotice(servers, delayMs)).toContain(`shutting down: ${text}`)
  })
})

describe('a process that serves tells', () => {
  const partsOf = (
    terminalIs: 'present' | 'gone' | 'none',
    { number = 1, supervisor }: { number?: number; supervisor?: object } = {},
  ): Pick<Parts, 'ancestry' | 'servers' | 'system'> => ({
    ancestry: { number, supervisor } as unknown as Ancestry,
    servers: Object.assign(
      new Set([{ address: '[::]:80' }, { address: null }, { address: 'unix:/a' }]),
      { udpSockets: new Set([{ bound: 'udp:[::]:53' }]) },
    ) as never,
    system: Object.assign(new FakeSystem(), { terminalIs }),
  })

  test('who it is, and where it serves', () => {
    const parts = partsOf('none')
    expect(servesNotice(parts)).toBe('generation 1 (pid 100) serves [::]:80, unix:/a, udp:[::]:53')
    expect(backgroundNotice(parts)).toBe('')
  })

  test('how to end it, where the first was started in a terminal', () => {
    expect(backgroundNotice(partsOf('present'))).toBe(
      ', in the background of this terminal: kill 100 ends it',
    )
    expect(backgroundNotice(partsOf('present', { number: 0 }))).toBe('')
  })

  test('nothing of a terminal that a supervisor has', () => {
    expect(backgroundNotice(partsOf('present', { supervisor: {} }))).toBe('')
  })
})

describe('a drain tells what it waits for', () => {
  const openOf = (counts: { open: number; idle?: number; upgraded?: number }): string => {
    const { open, idle = 0, upgraded = 0 } = counts
    vi.mocked(countConnections).mockReturnValue({
      connections: { open, idle, upgraded, busy: 0, http2: 0, handshaking: 0 },
      requests: 1,
    })
    return openNotice(new Set([{}]) as never)
  }

  test.each([
    [{ open: 1 }, '1 request'],
    [{ open: 4, idle: 1, upgraded: 2 }, '1 request, 2 upgraded connections, 1 idle connection'],
    [{ open: 3 }, '1 request, 2 other connections'],
    [{ open: 0 }, '1 request'], // many streams of one HTTP/2 connection
  ])('%j', (counts, text) => {
    expect(openOf(counts)).toBe(text)
  })

  test('nothing, without a server', () => {
    expect(openNotice(new Set() as never)).toBe('')
  })
})
