// Proves what the log tells of a shutdown and of a restart that go as they should.
import { describe, expect, test } from 'vitest'
import { shutdownNotice, takenOverNotice } from '../../src/process/notices.js'
import type { Ancestry } from '../../src/process/parts/ancestry.js'
import type { Servers } from '../../src/process/parts/servers.js'
import { FakeSystem } from '../fake-system.js'

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

describe('a restart tells', () => {
  const report = { number: 1, pid: 4711 }
  const tell = (terminalIs: 'present' | 'gone' | 'none', supervisor?: object): string =>
    takenOverNotice(report, {
      ancestry: { supervisor } as unknown as Ancestry,
      system: Object.assign(new FakeSystem(), { terminalIs }),
    })

  test('who has taken over', () => {
    expect(tell('none')).toBe('generation 1 (pid 4711) has taken over')
  })

  test('how to end it, where it was started in a terminal', () => {
    expect(tell('present')).toBe(
      'generation 1 (pid 4711) has taken over, in the background of this terminal: kill 4711 ends it',
    )
  })

  test('nothing of a terminal that a supervisor has', () => {
    expect(tell('present', {})).toBe('generation 1 (pid 4711) has taken over')
  })
})
