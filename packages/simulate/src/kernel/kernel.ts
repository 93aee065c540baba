import type { Clock } from './clock.js'
import type { Holder, ListenCopy } from './handle.js'
import { ListenHandle } from './listen-handle.js'
import { Listener } from './listener.js'
import { StreamEnd } from './stream-end.js'
import { pipeHandle, tcpHandle } from './stream-handle.js'
import type { Watcher } from './watcher.js'

/** Node's number for EADDRINUSE. */
export const addressInUse = -98

/** The sockets of the simulated machine. */
export class Kernel {
  /** Called when it may be another process that accepts. */
  onChange: () => void = () => undefined
  readonly connections = new Set<StreamEnd>()
  /** The ends of streams between processes. */
  readonly pipes = new Set<StreamEnd>()
  readonly #clock: Clock
  readonly #watcher: Watcher
  #listeners: Listener[] = []
  #ports = 5_000

  constructor(watcher: Watcher) {
    this.#clock = watcher.clock
    this.#watcher = watcher
  }

  get listeners(): Listener[] {
    return (this.#listeners = this.#listeners.filter(({ isClosed }) => !isClosed))
  }

  /** Binds a port; returns a handle, or an errno. */
  bind(port: number, owner: Holder): ListenCopy | number {
    if (this.#at(port)) return addressInUse
    const listener = new Listener(
      port === 0 ? this.#ports++ : port,
      this.#clock,
      (of, holder) => new ListenHandle(of, holder, this.#clock),
      () => {
        this.onChange()
      },
    )
    this.#listeners.push(listener)
    return listener.open(owner)
  }

  /**
   * Connects to a port, where the connection waits to be accepted; returns the server's end, or `undefined` if nothing
   * listens there.
   */
  connect(name: string, port: number): StreamEnd | undefined {
    const listener = this.#at(port)
    if (!listener) return undefined
    const end = new StreamEnd(
      name,
      this.#clock,
      (of, owner) => new tcpHandle(of, owner, this.#watcher),
    )
    this.connections.add(end)
    listener.connect(end)
    return end
  }

  /** Creates a stream whose ends are two processes', as a pipe of `spawn` is. */
  pair(name: string): [StreamEnd, StreamEnd] {
    const create = (at: string): StreamEnd =>
      new StreamEnd(
        `${name} ${at}`,
        this.#clock,
        (of, owner) => new pipeHandle(of, owner, this.#watcher),
      )
    const [one, other] = [create('a'), create('b')]
    this.pipes.add(one).add(other)
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      from.to = {
        bytes: (bytes) => {
          to.receive(bytes)
        },
        end: () => {
          to.receiveEnd()
        },
      }
    }
    return [one, other]
  }

  #at(port: number): Listener | undefined {
    return this.listeners.find((listener) => listener.port === port)
  }
}
