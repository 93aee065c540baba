// Proves that workers who renew their ticket keys at the same moment all end with the same ones.
import type { FromSupervisor, PassedTicketKeys, RawHandle } from '@endless/core/for-cli'
import { beforeEach, expect, test } from 'vitest'
import { Escrow } from '../../src/supervisor/escrow.js'
import type { Generation } from '../../src/supervisor/generation.js'
import { SharedTicketKeys } from '../../src/supervisor/shared-ticket-keys.js'

const bound = '[::]:443'

class FakeGeneration {
  readonly escrow = new Escrow()
  readonly sent: FromSupervisor[] = []

  constructor(ticketKeys?: PassedTicketKeys) {
    this.escrow.put({
      asked: 'tcp::443',
      bound: { address: '::', family: 'IPv6', port: 443 },
      handle: { close: () => undefined } as unknown as RawHandle,
      ticketKeys,
    } as Parameters<Escrow['put']>[0])
  }

  send(message: FromSupervisor): Promise<boolean> {
    this.sent.push(message)
    return Promise.resolve(true)
  }
}

const old = { keys: 'old', sinceMs: 1 }
let workers: FakeGeneration[]
let shared: SharedTicketKeys

beforeEach(() => {
  workers = [new FakeGeneration(old), new FakeGeneration(old)]
  shared = new SharedTicketKeys(() => workers as unknown as Generation[])
})

function renew(from: FakeGeneration, keys: string, sinceMs: number): void {
  const ticketKeys = { keys, sinceMs: Number.MAX_SAFE_INTEGER }
  const message = { type: 'renew-ticket-keys', bound, ticketKeys, sinceMs } as const
  shared.renew(from as unknown as Generation, message)
}

const keysOf = ({ sent }: FakeGeneration): unknown[] =>
  sent.map((message) => (message.type === 'ticket-keys' ? message.ticketKeys.keys : message))

test('the first keys are given to all, and a second offer for the same old ones gets these, too', () => {
  const [one, other] = workers as [FakeGeneration, FakeGeneration]
  renew(one, 'first', old.sinceMs)
  renew(other, 'second', old.sinceMs)
  expect([one, other].map(keysOf)).toEqual([['first'], ['first', 'first']])
  expect(one.escrow.ticketKeysAt(bound)).toMatchObject({ keys: 'first' })
})

test('the time of new keys is that of the supervisor, so that they are renewed in turn', () => {
  const [one, other] = workers as [FakeGeneration, FakeGeneration]
  renew(one, 'first', old.sinceMs)
  const { sinceMs } = one.escrow.ticketKeysAt(bound)!
  expect(sinceMs).toBeLessThanOrEqual(Date.now())
  renew(other, 'second', sinceMs)
  expect([one, other].map(keysOf)).toEqual([
    ['first', 'second'],
    ['first', 'second'],
  ])
})

test('one that boots gets the keys that are in use, or gives its own', () => {
  const booting = new FakeGeneration()
  renew(booting, 'first', old.sinceMs)
  renew(booting, 'second', old.sinceMs)
  expect([...workers, booting].map(keysOf)).toEqual([['first'], ['first'], ['first', 'first']])
})

test('what serves no TLS there gets no keys, and gives none', () => {
  const plain = new FakeGeneration()
  workers.push(plain)
  renew(plain, 'mine', old.sinceMs)
  expect(workers.map(keysOf)).toEqual([[], [], []])
  renew(workers[0]!, 'first', old.sinceMs)
  expect(keysOf(plain)).toEqual([])
})
