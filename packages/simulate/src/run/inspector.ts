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
  /** Processes that have destroyed connections because their time was over. */
  readonly hammered = new Set<SimulatedProcess>()
  readonly runtimes = new Map<SimulatedProcess, Runtime>()
  supervisor: SimulatedProcess | undefined
  readonly #world: World
  readonly #plan: Plan
  /** Connections whose loss is the fault of what was broken. */
  readonly #tainted = new WeakSet<StreamEnd>()
  /** Since when nobody accepts, though somebody could. */
  #nobodySinceMs: number | undefined
  #hasServed = false
  #isOverdue: (() => void) | undefined
  /** Until when a refusal is the fault of what was broken. */
  #mayRefuse = false

  constructor(world: World, plan: Plan) {
    this.#world = world
    this.#plan = plan
  }

  get generations(): SimulatedProcess[] {
    return this.#world.living.filter((each) => each !== this.supervisor)
  }

  fail(invariant: Invariant, message: string): void {
    if (this.violation) return
    this.violation = { invariant, message }
    this.#world.note(`VIOLATION: ${invariant}: ${message}`)
  }

  /** Call with a process that is killed on purpose, before it is. */
  breaks(process: SimulatedProcess): void {
    this.isBroken = true
    for (const handle of process.handles) {
      if ('end' in handle) this.#tainted.add(handle.end as StreamEnd)
    }
  }

  /** Call with a process that ends, however. */
  ends(process: SimulatedProcess, end: End): void {
    if (end.signal !== null || this.hammered.has(process)) this.breaks(process)
    const others = this.generations.filter((each) => each !== process)
    const isAlone = !others.some((each) => this.#acceptsOrWill(each))
    if (isAlone && !this.#plan.isSupervised) this.#mayRefuse = true
    if (this.supervisor?.isDead || process === this.supervisor) this.#mayRefuse = true
  }

  readsNow(end: StreamEnd): void {
    const readers = [...end.copies].filter(({ isReading }) => isReading)
    if (readers.length > 1) {
      const names = readers.map(({ owner }) => owner.name).join(' and ')
      this.fail('one reader', `${names} read ${end.name}`)
    }
  }

  closed(end: StreamEnd): void {
    const { current } = this.#world
    if (current && this.hammered.has(current)) this.#tainted.add(end)
  }

  refused(client: Client): void {
    if (this.isStopping || this.#mayRefuse) return
    this.fail('no client is refused', `${client.name} was refused`)
  }

  lost(client: Client, end: StreamEnd): void {
    if (this.#tainted.has(end)) return
    this.fail('no request is lost', `${client.name} got no answer on ${end.name}`)
  }

  closedIdle(client: Client, end: StreamEnd): void {
    if (this.isStopping || this.#tainted.has(end)) return
    this.fail('no idle connection is closed', `${end.name} of ${client.name} was closed`)
  }

  /** Call whenever other processes may be alive, or accept. */
  look(): void {
    const accepting = this.#accepting()
    const nowMs = this.#world.clock.nowMs
    if (accepting.length > 0) {
      this.#hasServed = true
      this.#mayRefuse = false
    }
    const isMissing =
      this.#hasServed &&
      !this.isStopping &&
      accepting.length === 0 &&
      this.#world.living.length > 0 &&
      !this.#world.living.some(({ isFrozen }) => isFrozen)
    if (!isMissing) {
      this.#nobodySinceMs = undefined
      return
    }
    if (this.#nobodySinceMs !== undefined) return
    const sinceMs = (this.#nobodySinceMs = nowMs)
    const boundMs = this.isBroken ? brokenMs : quietShare * this.#plan.latencyMs + 1
    this.#world.clock.after(boundMs, undefined, () => {
      if (this.#nobodySinceMs !== sinceMs) return
      this.fail('somebody accepts', `nobody accepts for ${String(Math.round(boundMs))} ms`)
    })
  }

  /** Checks what must hold when all is at rest. */
  atRest(): void {
    const { generations } = this
    if (this.isStopping || this.supervisor?.isDead) {
      // Without its supervisor a service may have ended, or go on.
    }
    for (const process of generations) {
      const restart = this.runtimes.get(process)?.currentRestart
      if (restart?.isUnderWay) this.fail('every wait ends', `${process.name} still restarts`)
    }
    if (this.isStopping) {
      const names = this.#world.living.map(({ name }) => name).join(', ')
      if (names !== '') this.fail('every wait ends', `${names} still lives after a stop`)
      return
    }
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
    const holders = new Set([...this.generations, this.supervisor].filter((each) => each && !each.isDead))
    for (const listener of this.#world.kernel.listeners) {
      const { copies, travelling } = listener
      if (travelling > 0 || copies.size > holders.size) {
        const names = [...copies].map(({ owner }) => owner.name).join(', ')
        this.fail(
          'no handle is lost',
          `port ${String(listener.port)} has copies in ${names}, and ${String(travelling)} on their way`,
        )
      }
    }
    for (const { name, copies, travelling, isClosed } of this.#world.kernel.connections) {
      if (isClosed) continue
      const owners = [...copies].map(({ owner }) => owner)
      if (owners.length === 1 && travelling === 0 && owners[0] !== this.supervisor) continue
      const names = owners.map((each) => each.name).join(', ')
      this.fail('no handle is lost', `${name} is in ${names}, and ${String(travelling)} on their way`)
    }
  }

  #accepting(): SimulatedProcess[] {
    const listener = this.#world.kernel.listeners.find((each) => each.port === port)
    return (listener?.accepting ?? []).map(({ owner }) => owner as SimulatedProcess)
  }

  /** Whether a process accepts, or holds what it needs for that. */
  #acceptsOrWill(process: SimulatedProcess): boolean {
    return !process.isFrozen && [...process.handles].some((handle) => 'listener' in handle)
  }
}
