import net from 'node:net'
import type { Duplex } from 'node:stream'
import { Ancestry } from './ancestry.js'
import { stateText } from './connections/migrate-upgrade.js'
import { createOwnService, type LoneGeneration } from './control/own-service.js'
import type { ListedGeneration } from './control/service.js'
import { EndlessError, messageOf } from './errors.js'
import { Events, type GenerationEvents } from './events.js'
import type { Generation, GenerationStatus, TerminateHook } from './generation.js'
import { Adoption } from './handoff/adoption.js'
import { Launcher } from './handoff/launcher.js'
import { Successor } from './handoff/predecessor.js'
import type { Inheritance } from './handoff/protocol.js'
import { takeInheritance, type Claimed } from './handoff/successor.js'
import type { Question } from './handoff/supervisor.js'
import { bounded, type HookPhase, type HookSignal } from './hooks.js'
import { Lifecycle, type GenerationState } from './lifecycle.js'
import { formatAddress, type ListenTarget } from './listeners/address.js'
import { createStderrLogger, type Logger } from './logger.js'
import type { ProcessOptions } from './options.js'
import { Readiness } from './readiness.js'
import type { RestartReport, ShutdownReport } from './reports.js'
import { RestartRecord } from './restart-record.js'
import type { ManagedServer, Occasion, ServerHost } from './server.js'
import { Servers } from './servers.js'
import { Settings } from './settings.js'
import { SignalActions, type SignalTarget } from './signal-actions.js'
import { Signals } from './signals.js'
import { createNodeSystem, type System } from './system.js'
import { Whereabouts } from './whereabouts.js'

/** How long a successor that has taken over may take until its control socket is there. */
const servingMs = 5_000

/** The process and all its parts. There is one in a process. */
export class Runtime implements Generation, ServerHost, SignalTarget, LoneGeneration {
  readonly system: System
  readonly #events = new Events((event, error) => {
    this.logger.error(`A listener to '${event}' failed: ${messageOf(error)}; going on.`)
  })
  readonly #settings: Settings
  readonly servers: Servers
  readonly #ancestry: Ancestry
  readonly #actions: SignalActions
  readonly #launcher: Launcher
  readonly #whereabouts: Whereabouts
  readonly #signals: Signals
  readonly #startedMs: number
  readonly #terminateHooks: TerminateHook[] = []
  readonly #lifecycle = new Lifecycle()
  readonly #record: RestartRecord
  #readiness: Readiness
  /** By the clock of the system. */
  #restartBeganMs = 0
  #successor: Successor | undefined
  #restarting: Promise<RestartReport> | undefined
  #abortRestart: ((reason: EndlessError) => void) | undefined
  #shutdown: Promise<ShutdownReport> | undefined
  #isShuttingDown = false
  #isLeaving = false
  #isHammerDue = false
  #onTakenBack: ((error: EndlessError) => void) | undefined
  #cutDelay: (() => void) | undefined

  constructor(system: System, inheritance: Inheritance | undefined) {
    this.system = system
    this.#startedMs = system.now()
    this.#record = new RestartRecord(system)
    this.#settings = new Settings(createStderrLogger(system))
    this.servers = new Servers(system, this.#settings)
    const adoption = new Adoption(this.servers, this.#events)
    this.#ancestry = new Ancestry(system, this.#settings, inheritance, {
      takeOver: (afterMs) => {
        this.#takeOver(afterMs)
      },
      adopt: (moved, handle) => adoption.adopt(moved, handle),
      answer: (what) => this.#answer(what),
    })
    const { predecessor, supervisor } = this.#ancestry
    this.#launcher = new Launcher(system, predecessor?.directory ?? '', supervisor)
    this.#whereabouts = new Whereabouts(system, createOwnService(this), () => this.logger)
    this.#readiness = this.#createReadiness()
    this.#actions = new SignalActions(this)
    this.#signals = new Signals(
      system,
      () => this.logger,
      (signal) => void this.#actions.on(signal),
    )
  }

  get number(): number {
    return this.#ancestry.number
  }

  get isSuccessor(): boolean {
    return this.number > 0
  }

  get hasSuccessor(): boolean {
    return this.#successor?.hasTakenOver ?? false
  }

  get state(): GenerationState {
    return this.#lifecycle.state
  }

  get logger(): Logger {
    return this.#settings.logger
  }

  get mayAccept(): boolean {
    return this.#ancestry.mayAccept
  }

  get isShuttingDown(): boolean {
    return this.#isShuttingDown
  }

  get shutdownDelayMs(): number {
    return this.#settings.current.shutdownDelayMs
  }

  get terminal(): 'present' | 'gone' | 'none' {
    return this.#ancestry.terminal
  }

  /** Takes what a new server says of the process. */
  configure(options: ProcessOptions): void {
    this.#settings.check(options)
    this.#whereabouts.take(options)
    this.#settings.add(options)
  }

  // What servers report.

  get directory(): string {
    return this.#launcher.directory
  }

  claim(target: ListenTarget): Claimed | undefined {
    return this.#ancestry.claim(target)
  }

  hasHeldPort(port: number): boolean {
    return this.#ancestry.held?.hasPort(port) ?? false
  }

  listenBegun(server: ManagedServer): void {
    // Again: what it said is forgotten when the last server before it has terminated.
    this.configure(server.processOptions)
    if (this.#lifecycle.state === 'terminate') {
      this.#lifecycle.apply('reopen')
      this.#readiness = this.#createReadiness()
    }
    this.#ancestry.obeyServiceManager()
    this.#readiness.listenBegun(server)
  }

  listening(server: ManagedServer): void {
    // Again: what it said is forgotten if another server has terminated while this one bound.
    this.configure(server.processOptions)
    this.servers.add(server)
    this.#signals.install(this.#settings.current.signals)
    // Later than the others, whose copies go with the report that this process is ready.
    if (this.mayAccept && this.#readiness.isReady)
      this.#ancestry.predecessor?.deposit(server.passable ? [server.passable] : [])
  }

  begun(server: ManagedServer): void {
    this.#readiness.begun(server)
  }

  listenFailed(server: ManagedServer): void {
    this.#readiness.listenFailed(server)
  }

  closing({ bound }: ManagedServer): void {
    if (bound !== null) this.#ancestry.predecessor?.withdraw(bound)
  }

  draining({ server }: ManagedServer, upgraded: net.Socket[]): void {
    this.#events.emit('drain', { server, upgraded })
  }

  hammered(server: ManagedServer, destroyed: number): void {
    // What still came from the predecessor would outlive the hammer.
    this.#ancestry.predecessor?.leave()
    this.#events.emit('hammer', { server: server.server, destroyed })
  }

  terminated(server: ManagedServer): void {
    this.#readiness.closed(server)
    // A shutdown still needs its hooks, and ends with what follows the last server by itself.
    if (this.#isShuttingDown) return
    const hasServed = this.servers.delete(server)
    if (this.servers.size > 0) return
    if (hasServed) this.#lifecycle.apply('drained')
    this.#leave()
  }

  // What users ask for.

  restart(): Promise<RestartReport> {
    if (this.#restarting) return this.#restarting
    const refusal = this.#refusal()
    if (refusal) return Promise.reject(refusal)
    this.#restarting = this.#handOver().finally(() => (this.#restarting = undefined))
    return this.#restarting
  }

  ready(): void {
    this.#readiness.manually()
  }

  shutdown(): Promise<ShutdownReport> {
    return this.shutDown({ reason: 'shutdown', isInteractive: false }, 0)
  }

  async migrate(socket: Duplex, state?: unknown): Promise<boolean> {
    const text = stateText(state)
    if (!(socket instanceof net.Socket)) return false
    const server = this.servers.find(({ connections }) => connections.accepted.has(socket))
    if (!server?.isDraining || server.bound === null) return false
    return (await this.#successor?.upgrades?.migrate(socket, server.bound, text)) ?? false
  }

  hammer(): void {
    if (this.#lifecycle.state !== 'shutting-down') return
    // The drain may not have begun: a successor is being stopped, or load balancers are given time.
    this.#isHammerDue = true
    this.#cutDelay?.()
    for (const server of this.servers) server.strike()
  }

  status(): GenerationStatus {
    return {
      number: this.number,
      pid: this.system.pid,
      state: this.#lifecycle.state,
      uptimeMs: Math.round(this.system.now() - this.#startedMs),
      memoryBytes: this.system.memoryBytes(),
      servers: this.servers.status,
      lastRestart: this.#record.last,
    }
  }

  on<E extends keyof GenerationEvents>(
    event: E,
    listener: (...args: GenerationEvents[E]) => void,
  ): Generation {
    this.#events.on(event, listener)
    return this
  }

  off<E extends keyof GenerationEvents>(
    event: E,
    listener: (...args: GenerationEvents[E]) => void,
  ): Generation {
    this.#events.off(event, listener)
    return this
  }

  onTerminate(hook: TerminateHook): Generation {
    this.#terminateHooks.push(hook)
    return this
  }

  // What signals ask for.

  settled(): Promise<unknown> {
    return this.#restarting?.catch(() => undefined) ?? Promise.resolve()
  }

  signalSuccessor(signal: NodeJS.Signals): void {
    this.#successor?.signal(signal)
  }

  // How it begins to serve.

  #createReadiness(): Readiness {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- a source of live values
    const runtime = this
    return new Readiness(this.system, {
      get mode() {
        return runtime.#settings.current.ready
      },
      get unclaimedGraceMs() {
        return runtime.#settings.current.unclaimedGraceMs
      },
      get unclaimed() {
        return runtime.#ancestry.held?.unclaimed.length ?? 0
      },
      isSuccessor: this.isSuccessor,
      giveUpUnclaimed() {
        const names = runtime.#ancestry.held?.unclaimed.map(
          ({ bound, name }) => formatAddress(bound) + (name === undefined ? '' : ` (${name})`),
        )
        runtime.logger.warn(
          `Nothing has listened on ${names?.join(', ') ?? ''} in this generation: closed from now on.`,
        )
      },
      ready() {
        runtime.#launcher.bootEnded()
        // Also when the predecessor is gone: a supervisor wants to know, and to have its copies.
        runtime.#reportReady()
        if (runtime.mayAccept) runtime.#serve()
      },
    })
  }

  #reportReady(): void {
    this.#ancestry.predecessor?.deposit(this.servers.passable)
    const adopts = this.servers.adopting
    this.#ancestry.predecessor?.reportReady({ adopts, ...this.#whereabouts.paths })
  }

  /** The predecessor has stopped accepting, or is gone. */
  #takeOver(afterMs?: number): void {
    if (this.isSuccessor) {
      const { number, system } = this
      this.#record.takenOver({ number, pid: system.pid, durationMs: afterMs })
    }
    for (const server of this.servers) server.accept()
    if (this.#readiness.isReady) this.#serve()
  }

  #serve(): void {
    this.#lifecycle.apply('serve')
    this.#ancestry.serviceManager?.serving(this.number, this.system.pid)
    this.#ancestry.held?.giveUp()
    this.#announce()
  }

  async #answer(what: Question): Promise<unknown> {
    return what === 'restart' ? this.#actions.restart() : this.status()
  }

  /** Tells the world that this process serves. */
  #announce(): void {
    this.#ancestry.supervisor?.reportServing()
    // A supervisor has its own pid there, and answers in our place.
    if (!this.#ancestry.supervisor) void this.#publish()
    this.#events.emit('ready')
  }

  async #publish(): Promise<void> {
    await this.#whereabouts.publish(this.#ancestry.predecessor?.control)
    this.#ancestry.predecessor?.reportServing()
  }

  // How it is controlled.

  get booting(): ListedGeneration | undefined {
    if (this.#lifecycle.state !== 'restarting' || !this.#successor) return undefined
    return {
      number: this.number + 1,
      pid: this.#successor.pid ?? 0,
      state: 'booting',
      uptimeMs: Math.round(this.system.now() - this.#restartBeganMs),
      memoryBytes: null,
      servers: [],
    }
  }

  async generations(isHammered: boolean): Promise<GenerationStatus[]> {
    if (isHammered) void this.#actions.on('SIGUSR2')
    const older = (await this.#ancestry.predecessor?.askOlder(isHammered)) ?? []
    return [...older, this.status()]
  }

  restartAsAsked(joins: boolean): Promise<RestartReport> {
    return (joins ? this.#restarting : undefined) ?? this.#actions.restart()
  }

  async untilSuccessorServes(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    // Referenced: somebody waits. One that is stuck cannot be waited for.
    const late = new Promise<void>((resolve) => {
      timer = this.system.setTimeout(resolve, servingMs)
    })
    await Promise.race([this.#successor?.serving, late])
    clearTimeout(timer)
  }

  async untilDrained(): Promise<boolean> {
    const { exit } = this.#settings.current
    await this.#shutdown
    return exit
  }

  async terminate(): Promise<boolean> {
    const { exit } = this.#settings.current
    await this.#actions.on('SIGTERM')
    return exit
  }

  // How it hands over.

  #refusal(): EndlessError | undefined {
    if (this.system.platform === 'win32') {
      return new EndlessError(
        'ERR_ENDLESS_UNSUPPORTED_PLATFORM',
        'Cannot restart on Windows: it has no way to pass a listening socket on. Shut down and start again.',
      )
    }
    if (this.system.isClusterWorker) {
      return new EndlessError(
        'ERR_ENDLESS_UNSUPPORTED',
        'Cannot restart a cluster worker: its sockets belong to the primary process. Restart that.',
      )
    }
    if (this.#isShuttingDown) return shuttingDown()
    if (this.#lifecycle.state !== 'running') {
      return new EndlessError(
        'ERR_ENDLESS_NOT_RUNNING',
        `Cannot restart: this process serves nothing (state '${this.#lifecycle.state}'). Wait for the 'ready' event.`,
      )
    }
    return undefined
  }

  async #handOver(): Promise<RestartReport> {
    const beganMs = this.system.now()
    this.#restartBeganMs = beganMs
    const number = this.number + 1
    this.#lifecycle.apply('restart')
    this.#events.emit('restarting', { number })
    const told = this.#ancestry.serviceManager?.restarting()
    const aborted = new Promise<never>((_, reject) => (this.#abortRestart = reject))
    let successor: Successor | undefined
    try {
      successor = this.#startSuccessor(number)
      this.#successor = successor
      const died = successor.exited.then((error) => Promise.reject(error))
      died.catch(() => undefined)
      await Promise.race([successor.ready, aborted])
      // Still serving: a hook may take its time, and the successor may die meanwhile.
      await Promise.race([this.runHooks('before', 'SIGTERM'), died, aborted])
      await Promise.race([told, died, aborted])
    } catch (error) {
      await successor?.stop()
      successor?.closeEscrow()
      this.#successor = undefined
      this.#lifecycle.apply('restart-failed')
      for (const server of this.servers) server.mendPath()
      this.#reportFailure(error as EndlessError)
      throw error
    } finally {
      this.#abortRestart = undefined
    }
    await this.#giveWay(successor)
    const report: RestartReport = {
      number,
      pid: successor.pid ?? 0,
      durationMs: Math.round(this.system.now() - beganMs),
    }
    this.#record.takenOver(report)
    // A path that it does not take leads nowhere from now on.
    void successor.serving.then(() => {
      if (this.#successor === successor) this.#whereabouts.leaveControl()
    })
    this.logger.info(`generation ${String(number)} (pid ${String(report.pid)}) has taken over`)
    this.#events.emit('taken-over', report)
    const { migration } = successor
    this.#shutdown = this.#drainAndLeave(
      { reason: 'handoff', isInteractive: false, migration },
      'SIGTERM',
    )
    // If this process takes over again, there is nobody who waits for its end.
    this.#shutdown.catch(() => undefined)
    return report
  }

  /** Lets the successor accept in our place. */
  async #giveWay(successor: Successor): Promise<void> {
    for (const server of this.servers) server.stopAccepting('handoff')
    this.#isShuttingDown = true
    this.#lifecycle.apply('taken-over')
    this.#whereabouts.leavePidFile(successor.pidFile)
    const exited = successor.exited.then((error) => {
      this.#successorLost(successor, error)
      return error
    })
    try {
      await successor.takeOver(this.system.now() - this.#restartBeganMs)
    } catch {
      // It cannot be told, so it must not live either: this process serves again when it is gone.
      await successor.stop()
      throw await exited
    }
    // Its end may have been noticed, and answered, before we heard that it was told.
    if (this.#successor !== successor) throw await exited
    this.#ancestry.predecessor?.reportSucceeded()
    this.#ancestry.serviceManager?.succeeded()
    successor.release()
  }

  /** The successor is gone after it had taken over: if nobody answers for it, this process does. */
  #successorLost(successor: Successor, error: EndlessError): void {
    successor.migration?.abort()
    if (successor.hasLeft || this.#isLeaving) {
      this.#ancestry.supervisor?.reportNotServing()
      return
    }
    this.#successor = undefined
    this.#isShuttingDown = false
    this.#isHammerDue = false
    this.#shutdown = undefined
    this.#onTakenBack?.(error)
    const listening = [...this.servers].map((server) =>
      server.takeBack(server.bound === null ? undefined : successor.takeEscrow(server.bound)),
    )
    successor.closeEscrow()
    this.#lifecycle.apply('taken-back')
    this.#reportFailure(error)
    void Promise.all(listening).then(() => {
      this.#ancestry.predecessor?.deposit(this.servers.passable)
      this.#announce()
    })
  }

  #reportFailure(error: EndlessError): void {
    this.#record.failed(this.number + 1, error, this.system.now() - this.#restartBeganMs)
    this.logger.error(`Restart failed: ${error.message}`)
    this.#ancestry.serviceManager?.restartFailed(error.message)
    this.#events.emit('restart-failed', error)
  }

  #startSuccessor(number: number): Successor {
    const { successor: override, readyTimeoutMs } = this.#settings.current
    const passed = this.servers.passable
    const keys = passed.flatMap(({ bound, ticketKeys }) =>
      ticketKeys ? [[formatAddress(bound), ticketKeys] as const] : [],
    )
    const { child, facts } = this.#launcher.start(override)
    return new Successor(
      this.system,
      child,
      passed,
      {
        ...facts,
        generation: number,
        ticketKeys: Object.fromEntries(keys),
        serviceManager: this.#ancestry.serviceManager?.address,
        control: this.#whereabouts.bound,
      },
      readyTimeoutMs,
      (isHammered) => this.generations(isHammered),
    )
  }

  // How it goes.

  async shutDown(
    occasion: Occasion,
    delayMs: number,
    signal?: HookSignal,
  ): Promise<ShutdownReport> {
    if (this.#shutdown) {
      // Whoever shuts down a process that drains does not want it to serve again.
      this.#successor?.closeEscrow()
      return this.#shutdown
    }
    this.#isShuttingDown = true
    this.#lifecycle.apply('shutdown')
    const begin = async (): Promise<ShutdownReport> => {
      this.#abortRestart?.(shuttingDown())
      // The successor is stopped first: it must not take over what we are closing.
      const hasHandedOver = await this.#restarting?.then(
        () => true,
        () => false,
      )
      if (hasHandedOver && this.#shutdown) {
        // Too late to stop it: its own drain is under way, and clean-up runs once.
        this.#successor?.closeEscrow()
        return this.#shutdown
      }
      this.#ancestry.serviceManager?.stopping()
      if (delayMs > 0 && !this.#isHammerDue) await this.#delay(delayMs)
      return this.#drainAndLeave(occasion, signal)
    }
    this.#shutdown = begin()
    return this.#shutdown
  }

  #delay(delayMs: number): Promise<void> {
    for (const server of this.servers) server.foretellShutdown()
    return new Promise((resolve) => {
      // Referenced: the listening sockets keep the process alive as well.
      const timer = this.system.setTimeout(resolve, delayMs)
      this.#cutDelay = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async #drainAndLeave(occasion: Occasion, signal?: HookSignal): Promise<ShutdownReport> {
    const beganMs = this.system.now()
    const boundMs = this.servers.boundMs
    const takenBack = new Promise<never>((_, reject) => (this.#onTakenBack = reject))
    await Promise.race([this.#drain(occasion), takenBack])
    // Not in the drain: one that was broken off ends together with the next.
    if (signal) await Promise.race([this.runHooks('after', signal), takenBack])
    this.#isLeaving = true
    this.#successor?.closeEscrow()
    const successorPid = occasion.reason === 'handoff' ? this.#successor?.pid : undefined
    const moved = successorPid && this.#ancestry.serviceManager?.moveMainTo(successorPid)
    const reports = await Promise.all([...this.servers].map((server) => server.terminate()))
    for (const hook of this.#terminateHooks) {
      await bounded(this.system, this.logger, 'An onTerminate hook', hook, boundMs)
    }
    await moved
    const report: ShutdownReport = {
      reason: occasion.reason,
      durationMs: Math.round(this.system.now() - beganMs),
      hammered: reports.reduce((sum, { hammered }) => sum + hammered, 0),
    }
    this.#lifecycle.apply('drained')
    this.#events.emit('terminate', report)
    if (this.#settings.current.exit) {
      // Signals stay caught until then: one that came late would end the process by its default.
      this.system.exit()
      return report
    }
    this.servers.clear()
    this.#successor = undefined
    this.#isShuttingDown = false
    this.#isLeaving = false
    this.#isHammerDue = false
    this.#shutdown = undefined
    this.#leave()
    return report
  }

  async #drain(occasion: Occasion): Promise<void> {
    for (const server of this.servers) server.drain(occasion)
    if (this.#isHammerDue) for (const server of this.servers) server.strike()
    if (occasion.reason === 'shutdown') this.#ancestry.predecessor?.leave()
    // Its connections come through here: if we left first, they would stay on older code.
    await this.#ancestry.predecessor?.untilFinished()
    await Promise.all([...this.servers].map((server) => server.drained()))
    // Whoever asked for the restart is answered by this process, when there is somebody to see.
    if (occasion.reason === 'handoff' && !this.#ancestry.supervisor)
      await this.untilSuccessorServes()
  }

  /** Nothing is left that serves: the process is again as if endless were not there. */
  #leave(): void {
    this.#ancestry.predecessor?.leave()
    this.#signals.uninstall()
    this.#whereabouts.close()
    this.#settings.forget()
  }

  runHooks(phase: HookPhase, signal: HookSignal): Promise<void> {
    return this.servers.runHooks(phase, signal)
  }
}

function shuttingDown(): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_SHUTTING_DOWN',
    'Cannot restart: this process is shutting down.',
  )
}

const runtimeKey = Symbol.for('@endless/core:runtime')

/** The one runtime of this process: a second copy of the library joins the first. */
export function currentRuntime(): Runtime {
  const global = globalThis as Record<symbol, Runtime | undefined>
  return (global[runtimeKey] ??= new Runtime(createNodeSystem(), takeInheritance()))
}
