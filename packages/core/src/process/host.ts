import type net from 'node:net'
import { messageOf } from '../api/endless-error.js'
import { generationName } from '../api/generation-name.js'
import type { Logger } from '../api/logger.js'
import type { ProcessOptions, ServerOptions } from '../api/options.js'
import { formatAddress, type ListenTarget, type UdpAddress } from '../listeners/address.js'
import type { Passable, PassedListener, PassedUdpSocket } from '../listeners/passed-listener.js'
import type { PassedTicketKeys } from '../listeners/ticket-keys.js'
import type { UdpSocket, UdpSocketHost } from '../listeners/udp-socket.js'
import type { System } from '../node/system.js'
import type { ManagedServer, ServerHost } from '../server/managed-server.js'
import { ownName } from './notices.js'
import type { Parts } from './parts/parts.js'
import type { Serving } from './serving.js'
import type { Signals } from './signals.js'

/**
 * Connects the servers to the rest of the process, from the first `listen` until the last has terminated, and its UDP
 * sockets.
 */
export class Host implements ServerHost, UdpSocketHost {
  readonly system: System
  readonly #parts: Parts
  readonly #serving: Serving
  readonly #signals: Signals
  readonly #isShuttingDown: () => boolean
  #isProgramsOwn = false
  /** The process that was to start this one, until it has been told that another one did. */
  #stranger: number | undefined

  /** @param stranger a process that was to start this one, and has started what did; `undefined` without */
  constructor(
    parts: Parts,
    serving: Serving,
    signals: Signals,
    isShuttingDown: () => boolean,
    stranger?: number,
  ) {
    this.system = parts.system
    this.#parts = parts
    this.#serving = serving
    this.#signals = signals
    this.#isShuttingDown = isShuttingDown
    this.#stranger = stranger
  }

  get logger(): Logger {
    return this.#parts.settings.logger
  }

  get readyTimeoutMs(): number {
    return this.#parts.settings.current.readyTimeoutMs
  }

  get mayAccept(): boolean {
    return this.#parts.ancestry.mayAccept
  }

  get arriving(): Promise<void> | undefined {
    return this.#parts.ancestry.arriving
  }

  get directory(): string {
    return this.#parts.launcher.directory
  }

  /**
   * Returns the options of a server of which the program's code says `code`.
   *
   * @throws `ERR_ENDLESS_INVALID_OPTION` if package.json has options that make no sense
   */
  optionsFor(code: ServerOptions): ServerOptions {
    const { outside } = this.#parts
    outside.read()
    return outside.forServer(code)
  }

  /**
   * Ends a worker that makes workers of its own with `node:cluster`: each of ours would do so.
   * See docs/decisions.md, "One of the two makes workers"
   */
  refuseCluster(): void {
    const { ancestry, settings } = this.#parts
    const refuse = (): void => {
      if (!ancestry.supervisor?.rolls) return
      settings.logger.error(
        'This program makes workers of its own, with node:cluster, and endless run --workers makes some already: ' +
          'leave one of the two out',
      )
      this.system.exit(1)
    }
    if (ancestry.arriving) void ancestry.arriving.then(refuse)
    else refuse()
  }

  /** Notes that a server is left alone, and why. */
  leaveAlone(address: string, why: string): void {
    this.#parts.left.add(address, why)
  }

  /**
   * Adds the process options of a new server.
   *
   * @throws `ERR_ENDLESS_OPTION_CONFLICT`, `ERR_ENDLESS_PID_FILE`, `ERR_ENDLESS_CONTROL`
   */
  configure(options: ProcessOptions): void {
    const { settings, whereabouts } = this.#parts
    // If any option is refused, none is kept.
    whereabouts.take(settings.with(options))
    settings.add(options)
  }

  /** Sets other defaults for process options, unless the program itself has made a server endless. */
  suggest(options: ProcessOptions): void {
    if (!this.#isProgramsOwn) this.#parts.settings.suggest(options)
  }

  /** Call when the program itself makes a server endless: then the documented defaults hold. */
  decidedByProgram(): void {
    this.#isProgramsOwn = true
    this.#parts.settings.suggest({})
  }

  claim(target: ListenTarget): PassedListener | undefined {
    return this.#parts.ancestry.claim(target)
  }

  claimUdp(address: UdpAddress): PassedUdpSocket | undefined {
    return this.#parts.ancestry.claimUdp(address)
  }

  shareTicketKeys(bound: string, keys: PassedTicketKeys, sinceMs: number): boolean {
    return this.#parts.ancestry.supervisor?.renewTicketKeys(bound, keys, sinceMs) ?? false
  }

  udpBound(socket: UdpSocket): void {
    const { servers } = this.#parts
    servers.udpSockets.add(socket)
    this.#addedLate(socket.passable)
    this.#serving.readiness.claimed()
  }

  udpClosed(socket: UdpSocket): void {
    const { ancestry, servers } = this.#parts
    servers.udpSockets.delete(socket)
    // Once it has given way, the socket is the successor's.
    if (socket.bound !== null && !socket.hasStopped) ancestry.predecessor?.withdraw(socket.bound)
  }

  hasHeldPort(port: number): boolean {
    return this.#parts.ancestry.held?.hasPort(port) ?? false
  }

  listenBegun(server: ManagedServer): void {
    const { ancestry, lifecycle, whereabouts } = this.#parts
    // Again: the options were forgotten if every earlier server has terminated.
    this.configure(server.processOptions)
    whereabouts.check()
    if (lifecycle.state === 'terminate') {
      lifecycle.apply('reopen')
      this.#serving.beginAnew()
    }
    ancestry.obeyServiceManager()
    this.#warnOfStranger()
    this.#serving.readiness.listenBegun(server)
  }

  listening(server: ManagedServer): void {
    const { servers, settings } = this.#parts
    // Again: the options were forgotten if the last other server terminated while this one was binding.
    this.configure(server.processOptions)
    servers.add(server)
    const { signals, otherSignalListeners } = settings.current
    this.#signals.install(signals, otherSignalListeners)
    this.#addedLate(server.listening.passable)
  }

  /** Deposits a socket that is there after `ready`; the copies of the earlier ones went with that report. */
  #addedLate(passable: Passable | undefined): void {
    if (!passable || !this.mayAccept || !this.#serving.readiness.isReady) return
    this.#parts.ancestry.predecessor?.deposit([passable])
    const name = generationName(ownName(this.#parts))
    this.logger.info(`${name} also serves ${formatAddress(passable.bound)}`)
  }

  /** See docs/decisions.md, "The parent names itself" */
  #warnOfStranger(): void {
    const { pid, ppid } = this.system
    const stranger = this.#stranger
    this.#stranger = undefined
    if (stranger === undefined || !this.system.stillRuns(stranger, Date.now())) return
    this.logger.warn(
      `Process ${String(stranger)} was to start this one (pid ${String(pid)}), and has started process ` +
        `${String(ppid)}, which did: it can neither restart nor stop this one. If that is a script, let it start ` +
        'the program by `exec`, as in `exec node app.js`.',
    )
  }

  begun(server: ManagedServer): void {
    this.#serving.readiness.begun(server)
  }

  listenFailed(server: ManagedServer, error: unknown): void {
    this.#serving.readiness.listenFailed(server)
    // A program that handles the error may say nothing of it, and its predecessor waits until the time is over.
    if (!this.mayAccept && server.server.listenerCount('error') > 0) {
      this.logger.warn(`Cannot take over: ${messageOf(error)}`)
    }
  }

  closing({ bound }: ManagedServer): void {
    // Not if all close: the predecessor hears of that by itself, and may have to serve again on what it keeps.
    if (bound !== null && !this.#isShuttingDown()) this.#parts.ancestry.predecessor?.withdraw(bound)
  }

  draining({ server }: ManagedServer, upgraded: net.Socket[]): void {
    this.#parts.events.emit('drain', { server, upgraded })
  }

  hammered({ server }: ManagedServer, destroyed: number): void {
    // A connection that the predecessor moved here now would outlive the hammer. Not if this server alone was shut down:
    // then the process goes on, and does not leave.
    if (this.#isShuttingDown()) this.#parts.ancestry.predecessor?.leave()
    this.#parts.events.emit('hammer', { server, destroyed })
  }

  terminated(server: ManagedServer): void {
    const { lifecycle, servers } = this.#parts
    this.#serving.readiness.closed(server)
    // A shutdown still needs the server's hooks, and itself does what follows the last server.
    if (this.#isShuttingDown()) return
    const hasServed = servers.delete(server)
    if (servers.size > 0) return
    if (hasServed) lifecycle.apply('drained')
    this.leave()
  }

  /** Makes the process behave again as it would without endless. Call when nothing serves any more. */
  leave(): void {
    const { ancestry, settings, whereabouts } = this.#parts
    // A successor that is not ready yet may only have tried a server out while it boots.
    if (this.mayAccept || this.#serving.readiness.isReady) ancestry.predecessor?.leave()
    this.#signals.uninstall()
    whereabouts.close()
    settings.forget()
  }
}
