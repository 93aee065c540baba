import type { StreamEnd } from '../kernel/stream-end.js'
import { port } from '../process/program.js'
import type { World } from '../world/world.js'
import { Client, type ClientHost } from './client.js'

/** How many requests a client sends by itself: one that keeps its connection, and one that does not. */
const requests = { kept: 5, fresh: 8 }
/** Within which time all clients begin. */
const beginsMs = 100

/** What is heard of clients. */
export interface TrafficHost extends Pick<ClientHost, 'refused' | 'lost' | 'closed'> {
  /** A connection waits to be accepted. */
  enqueued(end: StreamEnd): void
}

/** Adds a client to a world, and lets it begin. */
export function addClient(
  world: World,
  kind: keyof typeof requests,
  number: number,
  thinkMs: number,
  host: TrafficHost,
): Client {
  const { clock, kernel, noise } = world
  const name = `${kind} ${String(number)}`
  let connections = 0
  const client = new Client(name, kind === 'kept', requests[kind], {
    connect: (done) => {
      clock.after(noise.delayMs(), undefined, () => {
        const end = kernel.connect(`${name}.${String(++connections)}`, port)
        if (end) host.enqueued(end)
        done(end)
      })
    },
    at: (atMs, run) => void clock.at(atMs, undefined, run),
    nowMs: () => clock.nowMs,
    delayMs: () => noise.delayMs(),
    thinkMs: () => noise.below(thinkMs + 1),
    refused: (by) => {
      host.refused(by)
    },
    lost: (by, end) => {
      host.lost(by, end)
    },
    closed: (by, end) => {
      host.closed(by, end)
    },
  })
  clock.after(noise.below(beginsMs), undefined, () => {
    client.begin()
  })
  return client
}
