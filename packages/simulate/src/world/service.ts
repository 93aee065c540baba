import type http from 'node:http'
import type { EndlessOptions } from '../../../core/dist/api/options.js'
import type { Supervisor } from '../../../cli/dist/supervisor/supervisor.js'
import type { Runtime } from '../../../core/dist/process/runtime.js'
import { boot } from '../process/boot.js'
import { startProgram } from '../process/program.js'
import type { Release } from '../process/release.js'
import type { SimulatedProcess } from '../process/simulated-process.js'
import { startSupervisor } from '../process/supervisor.js'
import type { LineEnd } from '../kernel/line-end.js'
import type { World } from './world.js'

/** What a service needs of its surroundings. */
export interface ServiceHost {
  readonly isSupervised: boolean
  /** What the processes run after the first one; later ones a good release. */
  readonly releases: readonly Release[]
  readonly options: EndlessOptions
  workMs(): number
  /** A process has become a generation, and does not listen yet. */
  began(process: SimulatedProcess, runtime: Runtime): void
  /** The program of a process never listens. */
  hangs(process: SimulatedProcess): void
}

const good: Release = { boot: 'good', helloMs: 5, loadMs: 5, waits: true }

/** The service of a world: its supervisor, if it has one, and its generations. */
export class Service {
  readonly servers: http.Server[] = []
  /** The process of the supervisor, and what runs there. */
  readonly supervisorProcess: SimulatedProcess | undefined
  supervisor: Supervisor | undefined
  readonly #world: World
  readonly #host: ServiceHost
  #started = 0

  constructor(world: World, host: ServiceHost) {
    this.#world = world
    this.#host = host
    const first = world.add()
    if (host.isSupervised) {
      this.supervisorProcess = first
      world.clock.soon(first, () => {
        this.supervisor = startSupervisor(first, {
          log: (line) => {
            world.note(`supervisor says ${line}`)
          },
        })
      })
    } else {
      this.#started++
      world.clock.soon(first, () => {
        this.#run(first, undefined)
      })
    }
  }

  /** Whether its first generation serves, as far as the supervisor knows. */
  get isKnown(): boolean {
    return !this.#host.isSupervised || this.supervisor?.current !== undefined
  }

  /** Whether the next process can be started; tries it. */
  canStart(): boolean {
    const isPossible = this.#next.boot !== 'cannot start'
    if (!isPossible) this.#started++
    return isPossible
  }

  /** Boots a process that another one has started. */
  boot(process: SimulatedProcess, line: LineEnd): void {
    const release = this.#next
    this.#started++
    boot(process, line, release, {
      clock: this.#world.clock,
      start: (inheritance) => {
        this.#run(process, inheritance)
      },
      hangs: () => {
        this.#host.hangs(process)
      },
    })
  }

  get #next(): Release {
    return this.#started === 0 ? good : (this.#host.releases[this.#started - 1] ?? good)
  }

  #run(process: SimulatedProcess, inheritance: Parameters<typeof startProgram>[1]): void {
    const { options } = this.#host
    startProgram(process, inheritance, {
      kernel: this.#world.kernel,
      options,
      workMs: () => this.#host.workMs(),
      began: (runtime) => {
        this.#host.began(process, runtime)
      },
      created: (server) => {
        this.servers.push(server)
      },
    })
  }
}
