// Proves who has a copy of a listening socket, and that each is closed once nobody needs it.
import { expect, test } from 'vitest'
import { Escrow } from '../../src/handoff/escrow.js'

const createHandle = (closed: string[], name: string) => ({
  listen: () => 0,
  close: () => void closed.push(name),
})

test('a copy is taken once, by where it is bound', () => {
  const escrow = new Escrow()
  const handle = createHandle([], 'a')
  escrow.add('127.0.0.1:80', handle)
  expect(escrow.take('127.0.0.1:81')).toBe(undefined)
  expect(escrow.take('127.0.0.1:80')).toBe(handle)
  expect(escrow.take('127.0.0.1:80')).toBe(undefined)
})

test('closing it closes what is there and what comes later, and not what was taken', () => {
  const closed: string[] = []
  const escrow = new Escrow()
  for (const name of ['a', 'b']) escrow.add(name, createHandle(closed, name))
  escrow.take('a')
  expect(escrow.isClosed).toBe(false)
  escrow.close()
  escrow.add('c', createHandle(closed, 'c'))
  expect([escrow.isClosed, closed, escrow.take('b')]).toEqual([true, ['b', 'c'], undefined])
})
