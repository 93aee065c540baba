import { orphanedMs } from '../../../core/dist/handoff/successor.js'
import type { Runtime } from '../../../core/dist/process/runtime.js'
import type { StreamEnd } from '../kernel/stream-end.js'
import type { End, SimulatedProcess } from '../process/simulated-process.js'
import { port } from '../process/program.js'
import type { Client } from '../traffic/client.js'
import type { World } from '../world/world.js'
import type { Plan } from './plan.js'

/** What must never happen. */
export type Invariant =
  | 'one reader'
  | 'one accepts'
  | 'somebody accepts'
  | 'no request is lost'
  | 'no client is refused'
  | 'no idle connection is closed'
  | 'no handle is lost'
  | 'every wait ends'
  | 'one generation serves'
  | 'nothing throws'

export interface Violation {
  invariant: Invariant
  message: string
}

/** How long nobody may accept while nothing is broken, as a multiple of the longest delay; and at most, if it is. */
const quietShare = 8
const brokenMs = 15_000

/** Watches a world, and notes the first thing that must never happen. */
export class Inspector {
  violation: Violation | undefined
  /** Whether the service was asked to end: then it may refuse, and close what is idle. */
  isStopping = false
  /** Whether something was broken on purpose. */
  isBroken = false
  /** How long a process was frozen at most. */
  longestFreezeMs = 0
  /** When processes have destroyed connections because their time was over. */
  readonly hammeredMs = new Map<SimulatedProcess, number>()
  readonly runtimes = new Map<SimulatedProcess, Runtime>()
  supervisor: SimulatedProcess | undefined
  /** Processes whose program never listens. */
  readonly hanging = new Set<SimulatedProcess>()
  readonly #world: World
  readonly #plan: Plan
  /** Connections whose loss is the fault of what was broken. */
  readonly #tainted = new WeakSet<StreamEnd>()
  /** Connections that cannot move on, and are closed when they have been idle for long. */
  readonly #stranded = new WeakSet<StreamEnd>()
  /** Who has closed a copy of a connection, and when. */
  readonly #closes = new WeakMap<StreamEnd, { by: SimulatedProcess; atMs: number }[]>()
  /** Since when nobody accepts, though somebody could. */
  #nobodySinceMs: number | undefined
  #hasServed = false
  /** Whether a process was killed after the service was asked to end. */
  #isStopLost = false
  /** Whether one was killed that served, and could only be replaced by an older one that hears of it in time. */
  #hasDiedUnguarded = false
  /** Until when a refusal is the fault of what was broken. */
  #mayRefuse = false

  constructor(world: World, plan: Plan) {
    this.#world = world
    this.#plan = plan
  }

  /** The generations that live; not those whose program hangs, and that nobody is there to end. */
  get generations(): SimulatedProcess[] {
    return this.#world.living.filter(
      (each) => each !== this.supervisor && !(this.hanging.has(each) && each.parent?.isDead),
    )
  }

  get hasServed(): boolean {
    return this.#hasServed
  }

  /** The newest generation that takes itself for the one that serves. */
  get serving(): SimulatedProcess | undefined {
    return this.generations.reverse().find((each) => {
      const state = this.runtimes.get(each)?.state
      return state === 'running' || state === 'restarting'
    })
  }

  fail(invariant: Invariant, message: string): void {
    if (this.violation) return
    this.violation = { invariant, message }
    this.#world.note(`VIOLATION: ${invariant}: ${message}`)
  }

  /** Call with a process that is killed on purpose, before it is. */
  breaks(process: SimulatedProcess): void {
    this.isBroken = true
    this.#isStopLost ||= this.isStopping
    for (const handle of process.handles) {
      if ('end' in handle) this.#tainted.add(handle.end as StreamEnd)
    }
    for (const other of this.generations) {
      // Connections of an older one may have no way to younger generations any more, and after a rollback those of a
      // younger one none back.
      const mayRollBack = this.#plan.probationMs !== 0
      if (other.pid >= process.pid && process !== this.supervisor && !mayRollBack) continue
      for (const handle of other.handles) {
        if ('end' in handle) this.#stranded.add(handle.end as StreamEnd)
      }
    }
    if (process !== this.supervisor) return
    // What is on its way is given up, as nobody can tell where it has got to.
    for (const end of this.#world.kernel.connections) {
      if (![...end.copies].some(({ isReading }) => isReading)) this.#tainted.add(end)
    }
  }

  /** Call with a process that ends, however. */
  ends(process: SimulatedProcess, end: End): void {
    if (end.signal !== null) this.breaks(process)
    const others = this.generations.filter((each) => each !== process)
    const isAlone = !others.some((each) => this.#acceptsOrWill(each))
    const isUnguarded = !this.supervisor || this.supervisor.isDead || process === this.supervisor
    if (isAlone && isUnguarded) this.#mayRefuse = true
    if (end.signal !== null && isUnguarded && this.#accepting().every((each) => each === process)) {
      this.#hasDiedUnguarded = true
    }
    if (this.#mayRefuse)
      for (const { queue } of this.#world.kernel.listeners)
        queue.forEach((end) => this.enqueued(end))
  }

  readsNow(end: StreamEnd): void {
    const readers = [...end.copies].filter(({ isReading }) => isReading)
    if (readers.length > 1) {
      const names = readers.map(({ owner }) => owner.name).join(' and ')
      this.fail('one reader', `${names} read ${end.name}`)
    }
  }

  /** Call with a connection that waits in the queue of a listening socket. */
  enqueued(end: StreamEnd): void {
    if (this.#mayRefuse) this.#tainted.add(end)
  }

  closed(end: StreamEnd): void {
    const { current, clock } = this.#world
    if (!current) return
    const closes = this.#closes.get(end) ?? []
    this.#closes.set(end, [...closes, { by: current, atMs: clock.nowMs }])
  }

  refused(client: Client): void {
    if (this.isStopping || this.#mayRefuse) return
    this.fail('no client is refused', `${client.name} was refused`)
  }

  lost(client: Client, end: StreamEnd): void {
    // A server that closes loses what comes between its last look into the queue and the close, as any server does.
    const isTooLate = this.isStopping && end.opened.length === 0
    if (isTooLate || this.#isExcused(end)) return
    this.fail('no request is lost', `${client.name} got no answer on ${end.name}`)
  }

  /** Call with a client whose answer has not come when all is at rest. */
  waits(client: Client): void {
    const { name, end } = client
    if (end && this.#isExcused(end)) return
    const where = end?.name ?? 'no connection'
    this.fail('no request is lost', `${name} still waits for an answer on ${where}`)
  }

  closedIdle(client: Client, end: StreamEnd): void {
    if (this.isStopping || this.#stranded.has(end) || this.#isExcused(end)) return
    this.fail('no idle connection is closed', `${end.name} of ${client.name} was closed`)
  }

  /** Call whenever other processes may be alive, or accept. */
  look(): void {
    const accepting = this.#accepting()
    if (accepting.length > 0) {
      this.#hasServed = true
      this.#mayRefuse = false
    }
    // In a rollback two accept for as long as a message takes; a process that was frozen may have to be told first.
    const isExact = !this.isBroken && this.#plan.probationMs === 0
    if (accepting.length > 1 && isExact) {
      const names = accepting.map(({ name }) => name).join(' and ')
      this.fail('one accepts', `${names} accept`)
    }
    if (!this.#isMissing()) {
      this.#nobodySinceMs = undefined
      return
    }
    if (this.#nobodySinceMs !== undefined) return
    const sinceMs = (this.#nobodySinceMs = this.#world.clock.nowMs)
    const check = (boundMs: number): void => {
      this.#world.clock.at(sinceMs + boundMs, undefined, () => {
        if (this.#nobodySinceMs !== sinceMs || !this.#isMissing()) return
        if (this.isBroken && boundMs < brokenMs) check(brokenMs)
        else this.fail('somebody accepts', `nobody accepts for ${String(Math.round(boundMs))} ms`)
      })
    }
    check(quietShare * this.#plan.latencyMs + 1)
  }

  /** Checks what must hold when all is at rest. */
  atRest(): void {
    const { generations } = this
    for (const process of generations) {
      const restart = this.runtimes.get(process)?.currentRestart
      if (restart?.isUnderWay) this.fail('every wait ends', `${process.name} still restarts`)
    }
    if (this.isStopping) {
      // Without the supervisor, nobody tells one generation that another has been stopped; and whoever was told to
      // stop may have been killed before it could tell.
      if (this.#isStopLost || (this.supervisor && this.isBroken)) return
      const names = this.#world.living.map(({ name }) => name).join(', ')
      if (names !== '') this.fail('every wait ends', `${names} still lives after a stop`)
      return
    }
    // Without its supervisor, one that was frozen for long cannot know that its successor has handed over since.
    if (this.supervisor?.isDead && this.longestFreezeMs >= orphanedMs) return
    const serving = this.#accepting()
    if (generations.length > 1 || serving.length > 1 || serving.length < generations.length) {
      const states = generations.map(
        (each) => `${each.name} ${this.runtimes.get(each)?.state ?? 'boots'}`,
      )
      this.fail('one generation serves', `at rest there are ${states.join(', ')}`)
    }
    if (generations.length === 0 && this.#plan.isSupervised && !this.supervisor?.isDead) {
      this.fail('one generation serves', 'none, at rest')
    }
    if (generations.length === 0 && !this.isBroken) this.fail('one generation serves', 'none')
    this.#countHandles()
  }

  #countHandles(): void {
    const holders = this.#world.living
    for (const listener of this.#world.kernel.listeners) {
      const { copies, travelling } = listener
      if (travelling > 0 || copies.size > holders.length) {
        const names = [...copies].map(({ owner }) => owner.name).join(', ')
        this.fail(
          'no handle is lost',
          `port ${String(listener.port)} has copies in ${names}, and ${String(travelling)} on their way`,
        )
      }
    }
    for (const { name, copies, opened, travelling, isClosed } of this.#world.kernel.connections) {
      if (isClosed || opened.length === 0) continue
      const owners = [...copies].map(({ owner }) => owner)
      if (owners.length === 1 && travelling === 0 && owners[0] !== this.supervisor) continue
      const names = owners.map((each) => each.name).join(', ')
      this.fail(
        'no handle is lost',
        `${name} is in ${names}, and ${String(travelling)} on their way`,
      )
    }
  }

  /** Whether nobody accepts, though somebody lives who could. */
  #isMissing(): boolean {
    return (
      this.#hasServed &&
      !this.isStopping &&
      this.#accepting().length === 0 &&
      (this.generations.length > 0 || this.supervisor?.isDead === false) &&
      !this.#world.living.some(({ isFrozen }) => isFrozen)
    )
  }

  #isExcused(end: StreamEnd): boolean {
    // An older one that had nothing left to do may have ended before it could hear of the death.
    if (this.#hasDiedUnguarded && this.generations.length === 0) return true
    const closes = this.#closes.get(end) ?? []
    return this.#tainted.has(end) || closes.some(({ by, atMs }) => this.hammeredMs.get(by) === atMs)
  }

  #accepting(): SimulatedProcess[] {
    const listener = this.#world.kernel.listeners.find((each) => each.port === port)
    const accepting = listener?.accepting ?? []
    return this.#world.living.filter((each) => accepting.some(({ owner }) => owner === each))
  }

  /** Whether a process accepts, or is there to do so if another one dies. */
  #acceptsOrWill(process: SimulatedProcess): boolean {
    const runtime = this.runtimes.get(process)
    if (!runtime || process.isFrozen || runtime.servers.size === 0) return false
    if (runtime.state !== 'shutting-down') return runtime.state !== 'terminate'
    const successor = runtime.currentRestart?.successor
    return successor !== undefined && !successor.hasLeft && !runtime.currentShutdown?.isAskedFor
  }
}
