import net from 'node:net'
import type { GenerationEvents } from '../../../core/dist/api/events.js'
import { socketOf } from '../../../core/dist/node/internals/connection-handle.js'
import type { RawHandle } from '../../../core/dist/node/internals/raw-handle.js'
import { endConnectionChecks } from '../../../core/dist/node/internals/server.js'
import type { Runtime } from '../../../core/dist/process/runtime.js'
import { Noise } from '../kernel/noise.js'
import type { SimulatedProcess } from '../process/simulated-process.js'
import type { Client } from '../traffic/client.js'
import { addClient } from '../traffic/traffic.js'
import { replaceGlobals } from '../world/globals.js'
import { Service } from '../world/service.js'
import { type Moment, World } from '../world/world.js'
import type { Phase } from './goals.js'
import { Inspector, type Violation } from './inspector.js'
import type { Plan } from './plan.js'
import { Steps } from './steps.js'

// One run of the simulation. See docs/decisions.md, "The simulation runs the code as it is"

/** What came of a run. */
export interface Outcome {
  violation: Violation | undefined
  /** How often each message was sent, and each phase was reached. */
  reached: ReadonlyMap<string, number>
  /** What was said and done, with the time. */
  trace: string[]
}

/** How long the first generation may take, in virtual time as all that follows. */
const bootMs = 10_000
/** The time between its start and the first step. */
const quietMs = 50
/** By when all that was done and broken has come to its end: hammers, time limits, and replacements. */
const restMs = 90_000
/** How long one more request may take, and the end of a connection. */
const lastMs = 2_000

/** Runs a plan, from the start of the first generation until all is at rest. */
export function run(plan: Plan): Promise<Outcome> {
  return new Run(plan).go()
}

const phases: Partial<Record<keyof GenerationEvents, Phase>> = {
  'taken-over': 'taken over',
  'restart-failed': 'restart failed',
  hammer: 'hammered',
  proven: 'proven',
  'rolled-back': 'rolled back',
}

class Run {
  readonly #plan: Plan
  readonly #world: World
  readonly #service: Service
  readonly #inspector: Inspector
  readonly #steps: Steps
  readonly #faults: Plan['faults']
  readonly #reached = new Map<string, number>()
  readonly #clients: Client[] = []
  /** How many messages were sent since the service was there. */
  #messages: number | undefined

  constructor(plan: Plan) {
    this.#plan = plan
    this.#faults = [...plan.faults]
    this.#world = new World(new Noise(plan.noise, plan.latencyMs), {
      canStart: () => this.#service.canStart(),
      boot: (process, line) => {
        if (this.#isReplacement(process)) this.#reach('replaced')
        this.#service.boot(process, line)
      },
      passes: (moment) => {
        this.#passes(moment)
      },
      readsNow: (end) => {
        this.#inspector.readsNow(end)
      },
      closed: (end) => {
        this.#inspector.closed(end)
      },
      dies: (process, end) => {
        this.#inspector.ends(process, end)
      },
      changed: () => {
        this.#inspector.look()
      },
    })
    this.#inspector = new Inspector(this.#world, plan)
    this.#service = new Service(this.#world, {
      isSupervised: plan.isSupervised,
      releases: plan.releases,
      options: { hammerTimeMs: 10_000, readyTimeoutMs: 5_000, probationMs: plan.probationMs },
      workMs: () => this.#world.noise.below(plan.workMs + 1),
      began: (process, runtime) => {
        this.#watch(process, runtime)
      },
      hangs: (process) => {
        this.#inspector.hanging.add(process)
      },
    })
    this.#inspector.supervisor = this.#service.supervisorProcess
    this.#steps = new Steps(this.#world, this.#service, this.#inspector, (phase) => {
      this.#reach(phase)
    })
  }

  async go(): Promise<Outcome> {
    const undos = [replaceGlobals(this.#world), this.#replaceBind(), this.#hearErrors()]
    try {
      await this.#live()
    } finally {
      await this.#clean()
      for (const undo of undos) undo()
    }
    const { violation } = this.#inspector
    return { violation, reached: this.#reached, trace: this.#world.trace }
  }

  async #live(): Promise<void> {
    const { clock } = this.#world
    const inspector = this.#inspector
    await this.#until(bootMs, () => inspector.hasServed && this.#service.isKnown)
    this.#beginTraffic()
    this.#messages = 0
    let atMs = clock.nowMs + quietMs
    for (const step of this.#plan.steps) {
      atMs += step.afterMs
      clock.at(atMs, undefined, () => {
        this.#steps.take(step)
      })
    }
    const frozenMs = Math.max(0, ...this.#plan.faults.map(({ forMs }) => forMs))
    atMs += frozenMs + restMs
    await this.#until(atMs)
    if (this.#world.isExhausted) inspector.fail('every wait ends', 'there is no end to it')
    inspector.atRest()
    // What is open by now must still lead somewhere.
    const isThere = !inspector.isStopping && inspector.generations.length > 0
    if (isThere) for (const client of this.#clients) client.askOnce()
    await this.#until(atMs + lastMs)
    if (isThere) for (const client of this.#clients) if (client.isWaiting) inspector.waits(client)
    for (const client of this.#clients) client.close()
    await this.#until(atMs + 2 * lastMs)
  }

  #until(ms: number, isDone = (): boolean => false): Promise<void> {
    return this.#world.clock.run(
      ms,
      () => this.#inspector.violation !== undefined || this.#world.isExhausted || isDone(),
    )
  }

  #beginTraffic(): void {
    const { keptClients, freshClients, thinkMs } = this.#plan
    const inspector = this.#inspector
    const counts = [
      ['kept', keptClients],
      ['fresh', freshClients],
    ] as const
    for (const [kind, count] of counts) {
      for (let number = 0; number < count; number++) {
        const client = addClient(this.#world, kind, number, thinkMs, {
          enqueued: (end) => {
            inspector.enqueued(end)
          },
          refused: (by) => {
            inspector.refused(by)
          },
          lost: (by, end) => {
            inspector.lost(by, end)
          },
          closed: (by, end) => {
            inspector.closedIdle(by, end)
          },
        })
        this.#clients.push(client)
      }
    }
  }

  #watch(process: SimulatedProcess, runtime: Runtime): void {
    const inspector = this.#inspector
    inspector.runtimes.set(process, runtime)
    for (const [event, phase] of Object.entries(phases)) {
      runtime.on(event as keyof GenerationEvents, () => {
        this.#reach(phase)
      })
    }
    runtime.on('restart-failed', () => {
      if (runtime.currentRestart?.loss) this.#reach('taken back')
    })
    runtime.on('hammer', ({ destroyed }) => {
      if (destroyed > 0) inspector.hammeredMs.set(process, this.#world.clock.nowMs)
    })
  }

  /** A message passes, at which a process may have to die or to freeze. */
  #passes({ when, from, to, type }: Moment): void {
    if (this.#messages === undefined) return
    if (when === 'sent') this.#reach(type)
    // Text is sent at any moment, and nothing depends on it.
    if (type === 'stderr') return
    if (when === 'sent') this.#messages++
    const fault = this.#faults.find((each) => each.at === this.#messages && each.when === when)
    if (!fault) return
    this.#faults.splice(this.#faults.indexOf(fault), 1)
    const { who, what, forMs, areTimersFirst } = fault
    const target = { from, to, supervisor: this.#service.supervisorProcess }[who]
    if (!target || target.isDead) return
    this.#reach(`${what} when ${when}`)
    if (what === 'kill') this.#steps.kill(target)
    else this.#steps.freeze(target, forMs, areTimersFirst)
  }

  /** Whether the supervisor starts a process since none serves. */
  #isReplacement({ parent }: SimulatedProcess): boolean {
    const { supervisor, supervisorProcess } = this.#service
    const isNeeded = this.#inspector.hasServed && supervisor?.current === undefined
    return isNeeded && parent === supervisorProcess
  }

  #reach(what: string): void {
    this.#reached.set(what, (this.#reached.get(what) ?? 0) + 1)
  }

  /** Lets core bind in the simulated kernel where it calls Node's own function: it takes a socket back without an escrow. */
  #replaceBind(): () => void {
    const internal = net as unknown as { _createServerHandle: unknown }
    const { _createServerHandle: own } = internal
    internal._createServerHandle = (_address: string, at: number) => {
      const { current, kernel } = this.#world
      return current ? kernel.bind(at, current) : -1
    }
    return () => {
      internal._createServerHandle = own
    }
  }

  /** Hears what nobody catches. */
  #hearErrors(): () => void {
    const onError = (error: unknown): void => {
      const { current } = this.#world
      // The program listens to no 'error' of its server, and dies of it.
      if ((error as { code?: unknown }).code === 'EADDRINUSE') {
        current?.die({ code: 1, signal: null })
        return
      }
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      this.#inspector.fail('nothing throws', `in ${current?.name ?? 'no process'}: ${text}`)
    }
    const events = ['uncaughtException', 'unhandledRejection'] as const
    for (const event of events) process.on(event, onError)
    return () => {
      for (const event of events) process.off(event, onError)
    }
  }

  /** Ends what is left of the sockets, so that nothing of this run stays in memory. */
  async #clean(): Promise<void> {
    const { kernel, processes } = this.#world
    for (const each of processes) each.isDead = true
    for (const server of this.#service.servers) endConnectionChecks(server)
    for (const { opened } of [...kernel.connections, ...kernel.pipes]) {
      for (const handle of opened) socketOf(handle as unknown as RawHandle)?.destroy()
    }
    await this.#world.clock.settle()
  }
}
