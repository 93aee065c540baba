import type { Events } from '../../api/events.js'
import type { RawHandle } from '../../node/internals.js'
import type { Servers } from './servers.js'
import type { MovedConnection, MovedUpgrade } from '../../handoff/protocol.js'

/** Finds who takes over what a predecessor gives away. */
export class Adoption {
  readonly #servers: Servers
  readonly #events: Events

  constructor(servers: Servers, events: Events) {
    this.#servers = servers
    this.#events = events
  }

  /** Answers whether there is somebody. */
  adopt(moved: MovedConnection | MovedUpgrade, handle: RawHandle): boolean {
    return moved.type === 'upgrade'
      ? this.#adoptUpgrade(moved, handle)
      : this.#adoptConnection(moved, handle)
  }

  #adoptConnection(
    { bound, isFresh, keepAliveTimeoutMs }: MovedConnection,
    handle: RawHandle,
  ): boolean {
    const server = this.#servers.find(
      (each) => each.adopts && each.bound === bound && each.state !== 'terminate',
    )
    server?.adopt(handle, { bound, isFresh, keepAliveTimeoutMs })
    return server !== undefined
  }

  /** Of what has left HTTP it is the application that knows what to do with it. */
  #adoptUpgrade({ bound, state, head }: MovedUpgrade, handle: RawHandle): boolean {
    if (!this.#events.has('adopt')) return false
    const managed = this.#servers.find((each) => each.bound === bound && each.state !== 'terminate')
    const socket = managed?.adoptUpgrade(handle, Buffer.from(head, 'base64'))
    if (!managed || !socket) return false
    const { server } = managed
    this.#events.emit('adopt', { socket, state: JSON.parse(state) as unknown, server })
    if (managed.isDraining) this.#events.emit('drain', { server, upgraded: [socket] })
    return true
  }
}
