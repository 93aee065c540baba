// Proves what is added to the reason of a failed restart when the old process has the address itself.
import { expect, test } from 'vitest'
import { EndlessError } from '../../src/api/endless-error.js'
import type { Holder, TakenAddress } from '../../src/node/holder-of.js'
import { holderNotice, withHolder } from '../../src/process/holder-notice.js'

const us = { pid: 7, addresses: ['127.0.0.1:3000', 'udp:127.0.0.1:53', 'unix:/run/app.sock'] }

test.each<[TakenAddress, Holder, RegExp]>([
  [
    { kind: 'tcp', port: 9464 },
    { pid: 7, kind: 'tcp' },
    /^Port 9464 is held by .*which does not pass it on: make that server endless too/,
  ],
  [{ kind: undefined, port: 9464 }, { pid: 7, kind: 'udp' }, /^UDP port 9464 .*endless run/],
  [
    { kind: 'udp', port: 53 },
    { pid: 7, kind: 'udp' },
    /passes it on as udp:127\.0\.0\.1:53: .*bind it, on the same host/,
  ],
  [{ kind: 'udp', port: 3000 }, { pid: 7, kind: 'udp' }, /which does not pass it on/],
  [
    { path: '/run/other.sock' },
    { pid: 7, kind: 'unix' },
    /^\/run\/other\.sock is held .*make that server/,
  ],
  [
    { kind: 'tcp', port: 3000 },
    { pid: 7, kind: 'tcp' },
    /passes it on as 127\.0\.0\.1:3000: .*do not look/,
  ],
  [
    { kind: 'tcp', port: 9464 },
    { pid: 8, kind: 'tcp' },
    /held by process 8, which the service's own old process \(pid 7\) has started/,
  ],
])('%o, held by %o', (taken, holder, expected) => {
  expect(holderNotice(taken, holder, us)).toMatch(expected)
})

test('the address may be in the error, in its cause, or in what the successor wrote', async () => {
  const text = 'listen EADDRINUSE: address already in use :::9464'
  const code = 'ERR_ENDLESS_READY_TIMEOUT'
  for (const error of [
    new EndlessError(code, text),
    new EndlessError(code, 'late', { cause: new Error(text) }),
    new EndlessError(code, 'late', { pid: 9, stderr: ['starts', text] }),
  ]) {
    const found = await withHolder(error, {
      ...us,
      holderOf: () => Promise.resolve({ pid: 7, kind: 'tcp' }),
    })
    const { pid, stderr, cause } = error
    expect([found.code, found.pid, found.stderr, found.cause]).toEqual([code, pid, stderr, cause])
    expect(found.message).toContain('Port 9464 is held by')
  }
})

test('an error of another kind, or of an address that another program has, stays as it is', async () => {
  const other = new EndlessError('ERR_ENDLESS_READY_TIMEOUT', 'late')
  const taken = new EndlessError(
    'ERR_ENDLESS_READY_TIMEOUT',
    'listen EADDRINUSE: address already in use :::1',
  )
  const holderOf = () => Promise.resolve(undefined)
  expect(await withHolder(other, { ...us, holderOf: () => Promise.reject(new Error()) })).toBe(
    other,
  )
  expect(await withHolder(taken, { ...us, holderOf })).toBe(taken)
})
