import type net from 'node:net'
import type { Logger } from '../api/logger.js'
import type { ProcessOptions } from '../api/options.js'
import type { ListenTarget } from '../listeners/address.js'
import type { PassedListener } from '../listeners/passed-listener.js'
import type { System } from '../node/system.js'
import type { ManagedServer, ServerHost } from '../server/managed-server.js'
import type { Parts } from './parts/parts.js'
import type { Serving } from './serving.js'
import type { Signals } from './signals.js'

/** The process, as its servers have it, from the first that listens to the last that terminates. */
export class Host implements ServerHost {
  readonly system: System
  readonly #parts: Parts
  readonly #serving: Serving
  readonly #signals: Signals
  readonly #isShuttingDown: () => boolean

  constructor(parts: Parts, serving: Serving, signals: Signals, isShuttingDown: () => boolean) {
    this.system = parts.system
    this.#parts = parts
    this.#serving = serving
    this.#signals = signals
    this.#isShuttingDown = isShuttingDown
  }

  get logger(): Logger {
    return this.#parts.settings.logger
  }

  get mayAccept(): boolean {
    return this.#parts.ancestry.mayAccept
  }

  get directory(): string {
    return this.#parts.launcher.directory
  }

  /** Takes what a new server says of the process. */
  configure(options: ProcessOptions): void {
    const { settings, whereabouts } = this.#parts
    // Nothing is kept of what is refused in part.
    settings.check(options)
    whereabouts.take(options)
    settings.add(options)
  }

  claim(target: ListenTarget): PassedListener | undefined {
    return this.#parts.ancestry.claim(target)
  }

  hasHeldPort(port: number): boolean {
    return this.#parts.ancestry.held?.hasPort(port) ?? false
  }

  listenBegun(server: ManagedServer): void {
    const { ancestry, lifecycle } = this.#parts
    // Again: what it said is forgotten when the last server before it has terminated.
    this.configure(server.processOptions)
    if (lifecycle.state === 'terminate') {
      lifecycle.apply('reopen')
      this.#serving.beginAnew()
    }
    ancestry.obeyServiceManager()
    this.#serving.readiness.listenBegun(server)
  }

  listening(server: ManagedServer): void {
    const { ancestry, servers, settings } = this.#parts
    // Again: what it said is forgotten if another server has terminated while this one bound.
    this.configure(server.processOptions)
    servers.add(server)
    this.#signals.install(settings.current.signals)
    // Later than the others, whose copies go with the report that this process is ready.
    if (this.mayAccept && this.#serving.readiness.isReady) {
      const { passable } = server.listening
      ancestry.predecessor?.deposit(passable ? [passable] : [])
    }
  }

  begun(server: ManagedServer): void {
    this.#serving.readiness.begun(server)
  }

  listenFailed(server: ManagedServer): void {
    this.#serving.readiness.listenFailed(server)
  }

  closing({ bound }: ManagedServer): void {
    if (bound !== null) this.#parts.ancestry.predecessor?.withdraw(bound)
  }

  draining({ server }: ManagedServer, upgraded: net.Socket[]): void {
    this.#parts.events.emit('drain', { server, upgraded })
  }

  hammered({ server }: ManagedServer, destroyed: number): void {
    // What still came from the predecessor would outlive the hammer.
    this.#parts.ancestry.predecessor?.leave()
    this.#parts.events.emit('hammer', { server, destroyed })
  }

  terminated(server: ManagedServer): void {
    const { lifecycle, servers } = this.#parts
    this.#serving.readiness.closed(server)
    // A shutdown still needs its hooks, and ends with what follows the last server by itself.
    if (this.#isShuttingDown()) return
    const hasServed = servers.delete(server)
    if (servers.size > 0) return
    if (hasServed) lifecycle.apply('drained')
    this.leave()
  }

  /** Nothing is left that serves: the process is again as if endless were not there. */
  leave(): void {
    const { ancestry, settings, whereabouts } = this.#parts
    // One that has not said that it is ready may just have tried something out as it boots.
    if (this.mayAccept || this.#serving.readiness.isReady) ancestry.predecessor?.leave()
    this.#signals.uninstall()
    whereabouts.close()
    settings.forget()
  }
}
