// Proves who has a copy of a listening socket, and that each is closed once nobody needs it.
import { expect, test } from 'vitest'
import { Escrow } from '../../src/handoff/escrow.js'

const createSocket = (port: number, closed: number[] = []) => ({
  bound: { address: '127.0.0.1', family: 'IPv4', port },
  handle: { listen: () => 0, close: () => void closed.push(port) },
})

test('a copy is taken once, by where it is bound', () => {
  const escrow = new Escrow()
  const socket = createSocket(80)
  escrow.add(socket)
  expect(escrow.take('127.0.0.1:81')).toBe(undefined)
  expect(escrow.take('127.0.0.1:80')).toBe(socket)
  expect(escrow.take('127.0.0.1:80')).toBe(undefined)
})

test('closing it closes what is there and what comes later, and not what was taken', () => {
  const closed: number[] = []
  const escrow = new Escrow()
  for (const port of [80, 81]) escrow.add(createSocket(port, closed))
  escrow.take('127.0.0.1:80')
  expect(escrow.isClosed).toBe(false)
  escrow.close()
  escrow.add(createSocket(82, closed))
  expect([escrow.isClosed, closed, escrow.take('127.0.0.1:81')]).toEqual([
    true,
    [81, 82],
    undefined,
  ])
})
