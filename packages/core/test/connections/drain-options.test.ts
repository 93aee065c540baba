// Proves how long a connection must have been quiet in a drain before it is closed: by what the drain is
// for, what the server has promised, and what the user has set.
import http from 'node:http'
import net from 'node:net'
import { expect, test } from 'vitest'
import { idleGraceMs } from '../../src/connections/drain-options.js'

function grace(
  keepAliveTimeout: number | undefined,
  reason: 'handoff' | 'shutdown',
  givenMs?: number,
  isInteractive = false,
): number {
  const server =
    keepAliveTimeout === undefined
      ? net.createServer()
      : Object.assign(http.createServer(), { keepAliveTimeout })
  return idleGraceMs(server, { reason, isInteractive, givenMs })
}

test.each([
  ['the keep-alive timeout', 72_000, undefined, 72_000],
  ['at least 5 s', 1_000, undefined, 5_000],
  ['5 s where connections are kept for ever', 0, undefined, 5_000],
  ['5 s of a server without keep-alive', undefined, undefined, 5_000],
  ['what is set', 1_000, 2_000, 2_000],
  ['no less than was promised, whatever is set', 72_000, 2_000, 72_000],
  ['what is set, without keep-alive', undefined, 0, 0],
])('on a restart it is %s', (_, keepAliveTimeout, givenMs, expected) => {
  expect(grace(keepAliveTimeout, 'handoff', givenMs)).toBe(expected)
})

test.each([
  ['the keep-alive timeout', 1_000, undefined, 1_000],
  ['at most 5 s', 72_000, undefined, 5_000],
  ['5 s where connections are kept for ever', 0, undefined, 5_000],
  ['5 s of a server without keep-alive', undefined, undefined, 5_000],
  ['what is set', 72_000, 10_000, 10_000],
  ['nothing, if that is set', 72_000, 0, 0],
])('on a shutdown it is %s', (_, keepAliveTimeout, givenMs, expected) => {
  expect(grace(keepAliveTimeout, 'shutdown', givenMs)).toBe(expected)
})

test('nobody waits for it at a terminal', () => {
  expect(grace(72_000, 'shutdown', 10_000, true)).toBe(0)
})
