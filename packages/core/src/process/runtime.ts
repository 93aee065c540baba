import net from 'node:net'
import type { Duplex } from 'node:stream'
import { messageOf } from '../api/endless-error.js'
import { Events, type GenerationEvents } from '../api/events.js'
import type { Generation, TerminateHook } from '../api/generation.js'
import { generationName } from '../api/generation-name.js'
import type { HookSignal } from '../api/hooks.js'
import { findInvalid } from '../api/restart-checks.js'
import { createStderrLogger } from '../api/logger.js'
import type {
  RestartOptions,
  RestartReport,
  RestartRequest,
  ShutdownReport,
} from '../api/reports.js'
import type { GenerationState, GenerationStatus } from '../api/status.js'
import type { ListedGeneration } from '../control/service.js'
import { type Counts, Tally } from '../control/tally.js'
import type { OwnProbation, ProbationEnd } from '../handoff/own-probation.js'
import { type Inheritance, inheritanceKey, strangerKey } from '../handoff/protocol.js'
import { keepPreloadFile } from '../launch/preload-file.js'
import { enter } from '../launch/preload.js'
import { stateText } from '../migration/upgrade-migration.js'
import { createNodeSystem, currentUid, type System } from '../node/system.js'
import { Utilization } from '../node/utilization.js'
import type { Occasion } from '../server/managed-server.js'
import { answerSupervisor } from './answer-supervisor.js'
import { ownName, surplusNotice } from './notices.js'
import { givenOptions } from './given-options.js'
import { Host } from './host.js'
import { OwnService, type OwnServiceHost } from './own-service.js'
import { Ancestry } from './parts/ancestry.js'
import { Launcher } from './parts/launcher.js'
import { LeftServers } from './parts/left-servers.js'
import { Lifecycle } from './parts/lifecycle.js'
import { flagOptions, OutsideOptions, readManifestOptions } from './parts/outside-options.js'
import type { Parts } from './parts/parts.js'
import { ProcessSettings } from './parts/process-settings.js'
import { RestartRecord } from './parts/restart-record.js'
import { Servers } from './parts/servers.js'
import { Whereabouts } from './parts/whereabouts.js'
import { notOnProbation, reasonText, rolledBackHere } from './probation.js'
import { refuseRestart } from './restart-refused.js'
import { Restart, type RestartHost } from './restart.js'
import { Returning, roomMs } from './returning.js'
import { Serving } from './serving.js'
import { Shutdown } from './shutdown.js'
import { SignalActions, type SignalActionsHost } from './signal-actions.js'
import { Signals } from './signals.js'
import { WorkerLoad } from './worker-load.js'

/** The whole process: creates its parts and connects them. A process has one. */
export class Runtime implements Generation, SignalActionsHost, OwnServiceHost {
  readonly host: Host
  readonly actions: SignalActions
  readonly predecessorGone: Promise<void>
  readonly #parts: Parts
  readonly #serving: Serving
  readonly #signals: Signals
  readonly #startedMs: number
  readonly #service: OwnService
  readonly #utilization = new Utilization(1_000)
  readonly #terminateHooks: TerminateHook[] = []
  readonly #returning: Returning
  #restart: Restart | undefined
  #shutdown: Shutdown | undefined
  /** Whether it is to be hammered, since too many generations live. */
  #isSurplus = false
  /** The last shutdown, if the process has outlived it. */
  #outlived: Shutdown | undefined

  /** @param stranger a process that was to start this one, and has started what did; `undefined` without */
  constructor(system: System, inheritance: Inheritance | undefined, stranger?: number) {
    this.#startedMs = system.now()
    this.#returning = new Returning(system)
    this.#parts = createParts(system, inheritance, this)
    this.#serving = new Serving(this.#parts)
    this.actions = new SignalActions(this, this.#parts)
    const { ancestry, events, settings } = this.#parts
    this.#service = new OwnService(this, settings)
    // A first generation that is supervised has the supervisor in the place of a predecessor.
    const predecessor = this.isSuccessor ? ancestry.predecessor : undefined
    this.predecessorGone = predecessor?.gone ?? Promise.resolve()
    void predecessor?.gone.then(() => {
      events.emit('predecessor-gone')
    })
    void ancestry.predecessor?.probation.ended.then((end) => {
      this.#probationEnded(end)
    })
    const signals = (this.#signals = new Signals(
      system,
      () => settings.logger,
      (signal) => void this.actions.on(signal),
    ))
    this.host = new Host(this.#parts, this.#serving, signals, () => this.isShuttingDown, stranger)
  }

  get servers(): Servers {
    return this.#parts.servers
  }

  get currentRestart(): Restart | undefined {
    return this.#restart
  }

  get currentShutdown(): Shutdown | undefined {
    return this.#shutdown
  }

  get isShuttingDown(): boolean {
    return this.#shutdown !== undefined
  }

  get number(): number {
    return this.#parts.ancestry.number
  }

  get isSuccessor(): boolean {
    return this.number > 0
  }

  get hasSuccessor(): boolean {
    return this.#restart?.successor?.hasTakenOver ?? false
  }

  get state(): GenerationState {
    return this.#parts.lifecycle.state
  }

  get slot(): number {
    return this.#parts.ancestry.slot
  }

  get workers(): number {
    return this.#parts.ancestry.workers
  }

  get isOnProbation(): boolean {
    return this.#parts.ancestry.predecessor?.probation.isUnderWay ?? false
  }

  get counts(): Counts {
    return this.#parts.tally.counts
  }

  get unresponsive(): ListedGeneration | undefined {
    const { predecessor, supervisor } = this.#parts.ancestry
    if (!predecessor?.isUnresponsive || supervisor) return undefined
    const { pid } = predecessor
    const { number, uptimeMs } = this.status()
    // It is older than this process; by how much, it alone knows.
    return {
      number: number - 1,
      pid,
      state: 'unresponsive',
      uptimeMs,
      memoryBytes: null,
      servers: [],
    }
  }

  get ownProbation(): OwnProbation | undefined {
    return this.#parts.ancestry.predecessor?.probation
  }

  restart(request: RestartRequest = {}): Promise<RestartReport> {
    if (this.isOnProbation) return this.untilProven().then(() => this.restart(request))
    const { wait, ...options } = request
    const invalid = findInvalid(options)
    if (invalid) return Promise.reject(invalid)
    const { supervisor } = this.#parts.ancestry
    if (supervisor?.rolls) return supervisor.restart(request)
    const report = this.handOver(options)
    return wait === 'proven' ? this.#proven(report) : report
  }

  async rollback(given: string): Promise<void> {
    const reason = reasonText(given)
    const restart = this.#restart
    if (restart?.probation?.isUnderWay) {
      await restart.rollBack(reason)
      return
    }
    const { probation } = this.#parts.ancestry.predecessor ?? {}
    if (!probation?.isUnderWay) throw notOnProbation()
    probation.askRollback(reason)
    if (typeof (await probation.ended) === 'string') throw notOnProbation()
    await probation.untilServedAgain()
  }

  async prove(): Promise<void> {
    this.#restart?.probation?.prove()
    if (!this.isOnProbation) return
    this.#parts.ancestry.predecessor?.probation.askProven()
    await this.untilProven()
  }

  async untilProven(): Promise<void> {
    const { probation } = this.#parts.ancestry.predecessor ?? {}
    if (!probation?.isUnderWay) return
    const end = await probation.ended
    if (typeof end === 'object') throw rolledBackHere(end.reason)
  }

  handOver(options: RestartOptions = {}): Promise<RestartReport> {
    const underWay = this.#restart?.isUnderWay ? this.#restart : undefined
    if (underWay?.covers(options)) return underWay.report
    // A probation that was asked for must not be left out: this restart follows that one, here or in the successor.
    if (underWay) return underWay.settled.then(() => this.handOver(options))
    const refusal = refuseRestart(this.#parts.system, this)
    if (refusal) return Promise.reject(refusal)
    const host: RestartHost = {
      gaveWay: () => {
        this.#beginShutdown()
      },
      takenOver: () => {
        this.#beginShutdown().follow()
      },
      takenBack: (reason) => {
        if (this.#shutdown?.isAskedFor) return false
        this.#shutdown?.breakOff(reason)
        this.#shutdown = undefined
        return true
      },
      servesAgain: (control) => this.#serving.again(control),
      stopped: () => {
        void this.actions.on('SIGTERM')
      },
      isShuttingDown: () => this.isShuttingDown,
      generations: (isHammered) => this.generations(isHammered),
      limit: (living) => {
        this.#limit(living)
      },
      returning: this.#returning,
    }
    const restart = new Restart(this.#parts, host, options)
    this.#restart = restart
    void restart.begin()
    return restart.report
  }

  async #proven(report: Promise<RestartReport>): Promise<RestartReport> {
    const done = await report
    await this.#restart?.probation?.proven
    return done
  }

  #probationEnded(end: ProbationEnd): void {
    const { ancestry, events, lifecycle, settings } = this.#parts
    if (end === 'proven') {
      events.emit('proven')
      return
    }
    if (end === 'gone') {
      const name = generationName(ownName(this.#parts))
      settings.logger.warn(
        `The predecessor, which stayed behind, is gone: ${name} cannot be rolled back any more.`,
      )
      return
    }
    if (this.isShuttingDown) {
      this.#shutdown?.rolledBack()
      return
    }
    const error = rolledBackHere(end.reason)
    settings.logger.warn(`${generationName(ownName(this.#parts))} is rolled back: ${end.reason}`)
    lifecycle.apply('shutdown')
    ancestry.serviceManager?.succeeded()
    events.emit('rolled-back', error)
    this.#beginShutdown().follow()
  }

  ready(): void {
    this.#serving.readiness.manually()
  }

  shutdown(): Promise<ShutdownReport> {
    return this.shutDown({ reason: 'shutdown', isInteractive: false }, 0)
  }

  shutDown(
    occasion: Occasion,
    delayMs: number,
    signal?: HookSignal,
    askedMs?: number,
  ): Promise<ShutdownReport> {
    // Nothing has served since. A new shutdown would exit: `exit: false` was forgotten with the servers.
    if (this.state === 'terminate' && this.#outlived?.report) return this.#outlived.report
    return this.#beginShutdown().ask(occasion, delayMs, signal, askedMs)
  }

  hammer(): void {
    if (this.state === 'shutting-down') this.#shutdown?.hammer()
    else this.#returning.hammer()
  }

  async migrate(socket: Duplex, state?: unknown): Promise<boolean> {
    const text = stateText(state)
    if (!(socket instanceof net.Socket)) return false
    const server = this.servers.find(({ connections }) => connections.has(socket))
    if (!server?.isDraining || server.bound === null) return false
    const upgrades =
      this.ownProbation?.rolledBack?.moves.upgrades ?? this.#restart?.successor?.upgrades
    return (await upgrades?.migrate(socket, server.bound, text)) ?? false
  }

  status(): GenerationStatus {
    const { system, record, left } = this.#parts
    return {
      number: this.number,
      pid: system.pid,
      state: this.state,
      isOnProbation: this.isOnProbation,
      uptimeMs: Math.round(system.now() - this.#startedMs),
      memoryBytes: system.memoryBytes(),
      utilization: this.#utilization.look(),
      servers: this.servers.status,
      options: givenOptions(this.#parts),
      left: left.list,
      lastRestart: record.last,
    }
  }

  async metrics(): Promise<string> {
    const { supervisor, isSupervised } = this.#parts.ancestry
    const successor = this.hasSuccessor ? this.#restart?.successor : undefined
    const told = await (isSupervised ? supervisor : successor)?.askMetrics()
    return told ?? this.#service.metrics()
  }

  async generations(isHammered: boolean): Promise<GenerationStatus[]> {
    if (isHammered) void this.actions.on('SIGUSR2')
    const older = (await this.#parts.ancestry.predecessor?.askOlder(isHammered)) ?? []
    return [...older, this.status()]
  }

  on<E extends keyof GenerationEvents>(
    event: E,
    listener: (...args: GenerationEvents[E]) => void,
  ): Generation {
    this.#parts.events.on(event, listener)
    return this
  }

  off<E extends keyof GenerationEvents>(
    event: E,
    listener: (...args: GenerationEvents[E]) => void,
  ): Generation {
    this.#parts.events.off(event, listener)
    return this
  }

  onTerminate(hook: TerminateHook): Generation {
    this.#terminateHooks.push(hook)
    return this
  }

  /**
   * Lets at most so many generations live, from this one back to the oldest.
   * See docs/decisions.md, "The oldest generation makes room"
   */
  #limit(living: number): void {
    if (living <= 0) this.#makeRoom()
    const returning = this.#returning.limit(living - 1)
    this.#parts.ancestry.predecessor?.limit(Math.max(0, living - 1 - returning))
  }

  /** Ends this process, the oldest; not before it had {@link roomMs} to answer what it has read. */
  #makeRoom(): void {
    if (this.#isSurplus) return
    this.#isSurplus = true
    const { settings, system } = this.#parts
    const { servingSinceMs = system.now() } = this.#restart?.successor ?? {}
    const leftMs = roomMs - (system.now() - servingSinceMs)
    const end = (): void => {
      // It may serve again, in place of a successor that has died.
      if (this.state === 'running' || this.state === 'restarting') {
        this.#isSurplus = false
        return
      }
      settings.logger.info(surplusNotice(ownName(this.#parts)))
      this.hammer()
    }
    if (leftMs <= 0) end()
    // It may end before that.
    else system.setTimeout(end, leftMs).unref()
  }

  #beginShutdown(): Shutdown {
    return (this.#shutdown ??= new Shutdown(this.#parts, {
      restart: () => this.#restart,
      returning: this.#returning,
      terminateHooks: this.#terminateHooks,
      callHeld: (signal, endsItself) => this.#signals.callHeld(signal, endsItself),
      outlived: () => {
        this.servers.clear()
        this.#restart?.letGo()
        this.#outlived = this.#shutdown
        this.#shutdown = undefined
        this.host.leave()
      },
    }))
  }
}

const runtimeKey = Symbol.for('@endless/core:runtime')

/**
 * Returns the one runtime of this process; a second copy of the library joins the first.
 * See docs/decisions.md, "Two copies of core share one runtime"
 */
export function currentRuntime(): Runtime {
  const global = globalThis as Record<symbol, Runtime | undefined>
  return (global[runtimeKey] ??= createRuntime())
}

function createRuntime(): Runtime {
  // Where Node has not run the preload; and before anything looks at the process, of which it hides a part.
  enter()
  const inheritance = take(inheritanceKey) as Inheritance | undefined
  if (inheritance?.entry.preload !== undefined) keepPreloadFile(inheritance.entry.preload)
  const system = createNodeSystem(inheritance?.entry)
  return new Runtime(system, inheritance, take(strangerKey) as number | undefined)
}

/** Removes and returns what was left on `globalThis`. */
function take(key: symbol): unknown {
  const left = (globalThis as Record<symbol, unknown>)[key]
  Reflect.deleteProperty(globalThis, key)
  return left
}

/**
 * Creates the parts of a process, from the lowest to the highest.
 *
 * @param generation the process itself; no part uses it before all parts exist
 */
export function createParts(
  system: System,
  inheritance: Inheritance | undefined,
  generation: OwnServiceHost,
): Parts {
  const outside = new OutsideOptions(
    () => flagOptions(inheritance?.entry.options),
    () => readManifestOptions(system.programPlaces, currentUid()),
  )
  const settings = new ProcessSettings(
    createStderrLogger(system, () => {
      const { supervisor } = ancestry
      return supervisor?.rolls ? supervisor.slot : undefined
    }),
    () => ancestry.number,
    outside,
  )
  const events = new Events((event, error) => {
    settings.logger.error(`A listener to '${event}' failed: ${messageOf(error)}; going on.`)
  })
  const servers = new Servers(system, settings, events)
  const lifecycle = new Lifecycle()
  const load = new WorkerLoad(servers)
  const tally = new Tally()
  const ancestry: Ancestry = new Ancestry(system, settings, inheritance, {
    adopt: (moved, handle) => servers.adopt(moved, handle),
    adoptsAt: (address) => servers.adopting.includes(address),
    countAnswers: () => servers.countAnswers(),
    load: () => load.measure(),
    give: (count) => {
      const { supervisor } = ancestry
      // While a successor boots, the connections wait for that.
      if (supervisor && lifecycle.state === 'running') servers.give(supervisor.peers, count)
    },
    leave: () => {
      generation.actions.leave()
    },
    takeTicketKeys: (bound, ticketKeys) => {
      servers.find((each) => each.bound === bound)?.listening.renewTicketKeys(ticketKeys)
    },
    answer: (question) => answerSupervisor(generation, question),
    counted: (counts) => {
      tally.learn(counts)
    },
    moved: (why) => {
      tally.moved(why)
    },
    metrics: () => generation.metrics(),
    takesOver: () => {
      whereabouts.writePidFile()
    },
  })
  const whereabouts: Whereabouts = new Whereabouts(
    system,
    settings,
    new OwnService(generation, settings),
    { parentPid: ancestry.predecessor && system.ppid, slot: () => ancestry.slot },
  )
  return {
    system,
    outside,
    settings,
    events,
    lifecycle,
    servers,
    left: new LeftServers(system),
    ancestry,
    whereabouts,
    launcher: new Launcher({ system, settings, servers, ancestry, whereabouts, tally }),
    record: new RestartRecord(system, tally),
    tally,
  }
}
