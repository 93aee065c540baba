import type { RestartOptions } from '../../../core/dist/api/reports.js'
import type { Runtime } from '../../../core/dist/process/runtime.js'
import type { SimulatedProcess } from '../process/simulated-process.js'
import type { Service } from '../world/service.js'
import type { World } from '../world/world.js'
import type { Phase } from './goals.js'
import type { Inspector } from './inspector.js'
import type { Step } from './plan.js'

/** How long a step freezes a process. */
const frozenMs = 4_000

/** What can be asked of a service. */
interface Asked {
  restart(options: RestartOptions): Promise<unknown>
  rollBack(reason: string): Promise<unknown>
  prove(): Promise<unknown>
  status(): Promise<unknown>
}

/** Does to a service what its users do, and what happens to processes at any time. */
export class Steps {
  readonly #world: World
  readonly #service: Service
  readonly #inspector: Inspector
  readonly #reach: (phase: Phase) => void

  constructor(world: World, service: Service, inspector: Inspector, reach: (phase: Phase) => void) {
    this.#world = world
    this.#service = service
    this.#inspector = inspector
    this.#reach = reach
  }

  take({ do: what, isAsked }: Step): void {
    const { serving } = this.#inspector
    const process = this.#service.supervisorProcess
    const target = process && !process.isDead ? process : serving
    this.#world.note(`-- ${isAsked ? 'asked to ' : ''}${what}`)
    switch (what) {
      case 'restart':
        if (isAsked) this.#ask((asked) => asked.restart({ maxErrors: 0.5 }))
        else target?.signal('SIGHUP')
        return
      case 'stop':
        if (!target) return
        this.#inspector.isStopping = true
        this.#reach('stopped')
        target.signal('SIGTERM')
        return
      case 'hammer':
        target?.signal('SIGUSR2')
        return
      case 'kill':
        if (serving) this.kill(serving)
        return
      case 'freeze':
        if (serving) this.freeze(serving, frozenMs, true)
        return
      case 'rollback':
        if (isAsked) this.#ask((asked) => asked.rollBack('it is bad'))
        else this.#as(serving, (runtime) => runtime.rollback('it is bad'))
        return
      case 'prove':
        if (isAsked) this.#ask((asked) => asked.prove())
        else this.#as(serving, (runtime) => runtime.prove())
        return
      case 'status':
        if (isAsked) this.#ask((asked) => asked.status())
        else this.#as(serving, (runtime) => runtime.generations(false))
        for (const each of this.#inspector.generations)
          this.#as(each, (runtime) => runtime.metrics())
    }
  }

  kill(process: SimulatedProcess): void {
    if (process.isDead) return
    this.#inspector.breaks(process)
    process.die({ code: null, signal: 'SIGKILL' })
    if (process === this.#service.supervisorProcess) this.#reach('supervisor killed')
  }

  freeze(process: SimulatedProcess, forMs: number, areTimersFirst: boolean): void {
    if (process.isFrozen || process.isDead) return
    const inspector = this.#inspector
    inspector.isBroken = true
    inspector.longestFreezeMs = Math.max(inspector.longestFreezeMs, forMs)
    process.freeze()
    this.#world.clock.after(forMs, undefined, () => {
      process.thaw(areTimersFirst)
    })
  }

  /** Asks the supervisor, or without one the oldest generation. */
  #ask(question: (asked: Asked) => Promise<unknown>): void {
    const { supervisor, supervisorProcess } = this.#service
    if (!supervisor || !supervisorProcess) {
      this.#as(this.#inspector.generations[0], (runtime) =>
        question({
          restart: (options) => runtime.actions.restart(options),
          rollBack: (reason) => runtime.rollback(reason),
          prove: () => runtime.prove(),
          status: () => runtime.generations(false),
        }),
      )
      return
    }
    const slot = supervisor.slots.first
    this.#world.clock.soon(supervisorProcess, () => {
      question({
        restart: (options) => supervisor.restart(options),
        rollBack: (reason) => supervisor.rollBack(reason),
        prove: () => supervisor.prove(),
        status: async () => slot?.current && slot.statusOf(slot.current),
      }).catch(() => undefined) // a refusal is an answer
    })
  }

  #as(process: SimulatedProcess | undefined, act: (runtime: Runtime) => Promise<unknown>): void {
    if (!process) return
    this.#world.clock.soon(process, () => {
      const runtime = this.#inspector.runtimes.get(process)
      if (runtime) act(runtime).catch(() => undefined) // a refusal is an answer
    })
  }
}
