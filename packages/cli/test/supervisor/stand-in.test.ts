// Proves what a supervisor gives in the place of a predecessor, and that ticket keys go to nobody else.
import {
  type FromSupervisor,
  type PassedTicketKeys,
  type RawHandle,
  Tally,
} from '@endless/core/for-cli'
import { expect, test } from 'vitest'
import { Escrow } from '../../src/supervisor/escrow.js'
import type { Generation } from '../../src/supervisor/generation.js'
import { Relay } from '../../src/supervisor/relay.js'
import { StandIn } from '../../src/supervisor/stand-in.js'

const name = {
  asked: 'tcp::443',
  bound: { address: '::', family: 'IPv6', port: 443 },
}
const ticketKeys: PassedTicketKeys = { keys: 'c2VjcmV0', sinceMs: 1 }
const facts = () => ({ isAtTerminal: false, isFirst: false })

class FakeGeneration {
  readonly escrow = new Escrow()
  readonly number = 1
  readonly sent: { message: FromSupervisor; handle: RawHandle | undefined }[] = []
  predecessor: FakeGeneration | undefined
  takesUdp = false

  send(message: FromSupervisor, handle?: RawHandle): Promise<void> {
    this.sent.push({ message, handle })
    return Promise.resolve()
  }
}

const asGeneration = (fake: FakeGeneration) => fake as unknown as Generation

function createParts() {
  const counts = () => new Tally().counts
  const standIn = new StandIn(facts, () => [], counts)
  const relay = new Relay(standIn, facts, {
    shared: () => [],
    takenOver: () => undefined,
    left: () => undefined,
    rolledBack: () => undefined,
    surplus: () => undefined,
    moved: () => undefined,
    counts,
  })
  const handle = { isClosed: false, close: () => (handle.isClosed = true) }
  return { standIn, relay, handle }
}

test('what replaces a dead generation gets its sockets, and the keys of their tickets by where they are bound', async () => {
  const { standIn, relay, handle } = createParts()
  const [dead, next] = [new FakeGeneration(), new FakeGeneration()]
  relay.receive(asGeneration(dead), { type: 'escrow', ...name, ticketKeys }, handle)
  standIn.keep(dead.escrow)
  relay.receive(asGeneration(next), { type: 'hello', version: 1 }, undefined)
  expect(next.sent).toEqual([
    { message: { type: 'listener', ...name }, handle },
    {
      message: expect.objectContaining({
        type: 'welcome',
        generation: 1,
        ticketKeys: { '[::]:443': ticketKeys },
      }) as FromSupervisor,
      handle: undefined,
    },
  ])
  standIn.release()
  expect(handle.isClosed).toBe(false) // its send has not settled
  await new Promise(setImmediate)
  expect(handle.isClosed).toBe(true)
})

test('a predecessor gets a copy of the socket without the keys', () => {
  const { relay, handle } = createParts()
  const [older, newer] = [new FakeGeneration(), new FakeGeneration()]
  newer.predecessor = older
  relay.receive(asGeneration(newer), { type: 'escrow', ...name, ticketKeys }, handle)
  expect(older.sent).toEqual([{ message: { type: 'escrow', ...name }, handle }])
  expect(handle.isClosed).toBe(false)
})

const udp = { asked: 'udp:[::]:443', bound: { transport: 'udp' as const, ...name.bound } }

test('a UDP socket is kept apart from a listener at the same address, and for who takes it', () => {
  const { standIn, relay, handle } = createParts()
  const [dead, older, newer] = [new FakeGeneration(), new FakeGeneration(), new FakeGeneration()]
  const socket = { close: () => undefined }
  relay.receive(asGeneration(dead), { type: 'escrow', ...name }, handle)
  relay.receive(asGeneration(dead), { type: 'escrow', ...udp }, socket)
  standIn.keep(dead.escrow)
  relay.receive(asGeneration(older), { type: 'hello', version: 1 }, undefined)
  relay.receive(asGeneration(newer), { type: 'hello', version: 1, takesUdp: true }, undefined)
  const passed = ({ sent }: FakeGeneration) => sent.slice(0, -1).map((each) => each.handle)
  expect([passed(older), passed(newer)]).toEqual([[handle], [handle, socket]])
})

test('a predecessor gets no copy of a UDP socket: it keeps its own', () => {
  const { relay, handle } = createParts()
  const [older, newer] = [new FakeGeneration(), new FakeGeneration()]
  newer.predecessor = older
  relay.receive(asGeneration(newer), { type: 'escrow', ...udp }, handle)
  expect([older.sent, newer.escrow.sockets.map(({ bound }) => bound)]).toEqual([[], [udp.bound]])
})
