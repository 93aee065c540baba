import { inherit, takeEntry } from '../../../core/dist/launch/preload.js'
import { withEntry } from '../../../core/dist/launch/entry.js'
import { Supervisor } from '../../../cli/dist/supervisor/supervisor.js'
import { supervisorDefaults } from '../../../cli/dist/supervisor/settings.js'
import type { RestartOptions } from '../../../core/dist/api/reports.js'
import type { Runtime } from '../../../core/dist/process/runtime.js'
import type http from 'node:http'
import net from 'node:net'
import { socketOf } from '../../../core/dist/node/internals/connection-handle.js'
import type { RawHandle } from '../../../core/dist/node/internals/raw-handle.js'
import { endConnectionChecks } from '../../../core/dist/node/internals/server.js'
import type { LineEnd } from '../kernel/line-end.js'
import { Noise } from '../kernel/noise.js'
import { childChannel } from '../process/child-channel.js'
import { port, startProgram } from '../process/program.js'
import type { SimulatedProcess } from '../process/simulated-process.js'
import { Client } from '../traffic/client.js'
import type { GenerationEvents } from '../../../core/dist/api/events.js'
import { replaceGlobals } from '../world/globals.js'
import { World } from '../world/world.js'
import { Inspector, type Violation } from './inspector.js'
import type { Phase } from './goals.js'
import type { Fault, Plan, Release, Step } from './plan.js'

/** What came of a run. */
export interface Outcome {
  violation: Violation | undefined
  /** How often each message was sent, and each phase was reached. */
  reached: ReadonlyMap<string, number>
  trace: string[]
  tasks: number
}

const good: Release = { boot: 'good', helloMs: 5, loadMs: 5, waits: true }

/** Runs a plan, from the start of the first generation until all is at rest. */
export async function run(plan: Plan): Promise<Outcome> {
  const life = new Life(plan)
  return life.run()
}

/** What can be asked of a service. */
interface Asked {
  restart(options: RestartOptions): Promise<unknown>
  rollBack(reason: string): Promise<unknown>
  prove(): Promise<unknown>
  status(): Promise<unknown>
}

class Life {
  readonly #plan: Plan
  readonly #world: World
  readonly #inspector: Inspector
  readonly #reached = new Map<string, number>()
  readonly #clients: Client[] = []
  #spawned = 0
  #messages = 0
  #isCounting = false
  #supervisor: Supervisor | undefined
  #supervisorProcess: SimulatedProcess | undefined
  readonly #faults: Fault[]
  readonly #servers: http.Server[] = []

  constructor(plan: Plan) {
    this.#plan = plan
    this.#faults = [...plan.faults]
    this.#world = new World(new Noise(plan.noise, plan.latencyMs), {
      canStart: () => {
        const isPossible = this.#nextRelease.boot !== 'cannot start'
        if (!isPossible) this.#spawned++
        return isPossible
      },
      boot: (process, line) => {
        this.#boot(process, line)
      },
      passes: (when, from, to, type) => {
        this.#passes(when, from, to, type)
      },
      readsNow: (end) => {
        this.#inspector.readsNow(end)
      },
      read: () => undefined,
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
  }

  async run(): Promise<Outcome> {
    const world = this.#world
    const inspector = this.#inspector
    const restore = replaceGlobals(world)
    const restoreBind = this.#replaceBind()
    const onError = (error: unknown): void => {
      // The program does not listen to it, and dies of it.
      if ((error as { code?: unknown }).code === 'EADDRINUSE') {
        world.current?.die({ code: 1, signal: null })
        return
      }
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      inspector.fail('nothing throws', `in ${world.current?.name ?? '?'}: ${text}`)
    }
    process.on('uncaughtException', onError)
    process.on('unhandledRejection', onError)
    try {
      const until = (ms: number, isDone = (): boolean => false): Promise<void> =>
        world.clock.run(ms, () => inspector.violation !== undefined || world.isExhausted || isDone())
      this.#start()
      await until(10_000, () => this.#hasBegun)
      this.#beginTraffic()
      this.#isCounting = true
      let atMs = world.clock.nowMs + 50
      for (const step of this.#plan.steps) {
        atMs += step.afterMs
        world.clock.at(atMs, undefined, () => {
          this.#do(step)
        })
      }
      const frozenMs = Math.max(0, ...this.#plan.faults.map(({ forMs }) => forMs))
      const restMs = atMs + frozenMs + 90_000
      await until(restMs)
      if (!inspector.violation && world.isExhausted) inspector.fail('every wait ends', 'it goes on and on')
      inspector.atRest()
      const waiting = this.#clients.filter(({ isWaiting }) => isWaiting)
      this.#askOnce(waiting)
      await until(restMs + 2_000)
      this.#checkAnswers()
      for (const client of this.#clients) client.close()
      await until(restMs + 4_000)
    } finally {
      world.changed()
      restore()
      restoreBind()
      this.#clean()
      await new Promise((resolve) => setImmediate(resolve))
      process.off('uncaughtException', onError)
      process.off('unhandledRejection', onError)
    }
    return {
      violation: inspector.violation,
      reached: this.#reached,
      trace: world.trace,
      tasks: world.clock.tasks,
    }
  }

  /** Whether the first generation serves, and its supervisor knows. */
  get #hasBegun(): boolean {
    const isKnown = !this.#plan.isSupervised || this.#supervisor?.current !== undefined
    return isKnown && this.#inspector.hasServed
  }

  #start(): void {
    const world = this.#world
    const first = world.add()
    if (!this.#plan.isSupervised) {
      this.#spawned++
      world.clock.soon(first, () => {
        this.#startProgram(first, undefined)
      })
      return
    }
    this.#supervisorProcess = this.#inspector.supervisor = first
    world.clock.soon(first, () => {
      const log = (text: string): void => {
        world.note(`supervisor says ${text}`)
      }
      const supervisor = (this.#supervisor = new Supervisor(
        {
          logger: { info: log, warn: log, error: log },
          pid: first.pid,
          spawn: (_command: string, _args: string[], { env }: { env?: NodeJS.ProcessEnv }) =>
            world.spawn(first, env ?? {}, false),
          now: () => world.clock.nowMs,
          otherUserOf: () => undefined,
          terminal: () => 'none',
          serving: () => undefined,
          restarting: () => undefined,
          restartFailed: () => undefined,
          stopping: () => undefined,
          metrics: () => Promise.resolve(''),
        } as ConstructorParameters<typeof Supervisor>[0],
        supervisorDefaults,
      ))
      for (const signal of ['SIGHUP', 'SIGTERM', 'SIGUSR2'] as const) {
        first.system.onSignal(signal, () => {
          supervisor.signal(signal)
        })
      }
      void supervisor.ended.then((code) => {
        first.exit(code)
      })
      supervisor.start(
        withEntry(
          { command: 'node', args: ['/app.js'], cwd: '/', env: {} },
          {
            parent: first.pid,
            generation: 0,
            isSupervised: true,
            orphaned: 'serve',
            preload: undefined,
            register: undefined,
            options: undefined,
            isNode: true,
          } as Parameters<typeof withEntry>[1],
        ),
      )
    })
  }

  /** What the next process runs. */
  get #nextRelease(): Release {
    return this.#spawned === 0 ? good : (this.#plan.releases[this.#spawned - 1] ?? good)
  }

  /** The child of a process begins: as the preload does. */
  #boot(process: SimulatedProcess, line: LineEnd): void {
    const world = this.#world
    const release = this.#nextRelease
    this.#spawned++
    const after = (ms: number, run: () => void): void => {
      world.clock.after(ms, process, run)
    }
    if (this.#inspector.hasServed && process.parent === this.#supervisorProcess && this.#supervisor?.current === undefined)
      this.#reach('replaced')
    after(release.helloMs, () => {
      const entry = takeEntry(process.system.env)
      if (!entry) throw new Error('it was started without an entry')
      if (process.parent?.isDead) {
        // Another process is its parent now: to the preload, it was started by a stranger.
        after(release.loadMs, () => {
          this.#startProgram(process, undefined)
        })
        return
      }
      const channel = childChannel(line)
      let kept: string | undefined
      let isReporting = true
      process.report = (text) => {
        if (!isReporting) return
        if (kept === undefined) channel.send({ type: 'stderr', text }).catch(() => undefined)
        else kept = (kept + text).slice(-4096)
      }
      const inheritance = inherit(channel, entry, {
        stopReporting: () => {
          isReporting = false
        },
        reportAtEnd: () => {
          kept ??= ''
        },
      })
      const go = (of: typeof inheritance | undefined): void => {
        after(release.loadMs, () => {
          switch (release.boot) {
            case 'good':
              this.#startProgram(process, of)
              return
            case 'throws':
              channel
                .send({ type: 'error', error: { name: 'Error', message: 'it is broken' } })
                .catch(() => undefined)
              process.exit(1)
              return
            case 'exits':
              process.exit(0)
              return
            case 'cannot start':
            case 'hangs':
              this.#inspector.hanging.add(process)
          }
        })
      }
      if (!release.waits) {
        go(inheritance)
        return
      }
      void inheritance.arrived.then((isWelcome) => {
        if (isWelcome) go(inheritance)
        else if (entry.orphaned === 'exit') process.exit(0)
        else if (entry.orphaned === 'ask') {
          const socket = process.system.openSocket()
          let isSettled = false
          const settle = (isServing: boolean): void => {
            if (isSettled) return
            isSettled = true
            socket.destroy()
            if (isServing) process.exit(0)
            else go(undefined)
          }
          process.system.setTimeout(() => {
            settle(false)
          }, 3_000)
          socket.on('error', () => undefined)
          socket.on('data', (bytes: Buffer) => {
            settle(bytes.includes('s'))
          })
          socket.on('close', () => {
            settle(false)
          })
        } else go(undefined)
      })
    })
  }

  #startProgram(process: SimulatedProcess, inheritance: Parameters<typeof startProgram>[1]): void {
    const { noise, kernel } = this.#world
    startProgram(process, inheritance, {
      kernel,
      options: {
        hammerTimeMs: 10_000,
        readyTimeoutMs: 5_000,
        ...(this.#plan.probationMs !== 0 && { probationMs: this.#plan.probationMs }),
      },
      created: (server) => {
        this.#servers.push(server)
      },
      workMs: () => noise.below(this.#plan.workMs + 1),
      began: (runtime) => {
        this.#inspector.runtimes.set(process, runtime)
        const phases: Record<string, Phase> = {
          'taken-over': 'taken over',
          'restart-failed': 'restart failed',
          hammer: 'hammered',
          proven: 'proven',
          'rolled-back': 'rolled back',
        }
        for (const [event, phase] of Object.entries(phases)) {
          runtime.on(event as keyof GenerationEvents, () => {
            this.#reach(phase)
          })
        }
        runtime.on('restart-failed', () => {
          if (runtime.currentRestart?.loss) this.#reach('taken back')
        })
        runtime.on('hammer', ({ destroyed }) => {
          if (destroyed > 0) this.#inspector.hammeredMs.set(process, this.#world.clock.nowMs)
        })
      },
    })
  }

  #beginTraffic(): void {
    const { keptClients, freshClients } = this.#plan
    for (let each = 0; each < keptClients; each++) this.#add(`kept ${String(each)}`, true, 5)
    for (let each = 0; each < freshClients; each++) this.#add(`fresh ${String(each)}`, false, 8)
  }

  #add(name: string, isKept: boolean, requests: number): void {
    const { clock, noise, kernel } = this.#world
    let connections = 0
    const client: Client = new Client(name, isKept, requests, {
      connect: (_, done) => {
        clock.after(noise.delayMs(), undefined, () => {
          const end = kernel.connect(`${name}.${String(++connections)}`, port)
          if (end) {
            kernel.enqueue(port, end)
            this.#inspector.enqueued(end)
          }
          done(end)
        })
      },
      after: (delayMs, run) => void clock.after(delayMs, undefined, run),
      at: (atMs, run) => void clock.at(atMs, undefined, run),
      nowMs: () => clock.nowMs,
      delayMs: () => noise.delayMs(),
      thinkMs: () => noise.below(this.#plan.thinkMs + 1),
      refused: () => {
        this.#inspector.refused(client)
      },
      lost: (_, end) => {
        this.#inspector.lost(client, end)
      },
      closed: (_, end) => {
        this.#inspector.closedIdle(client, end)
      },
      answered: () => undefined,
    })
    this.#clients.push(client)
    clock.after(noise.below(100), undefined, () => {
      client.begin()
    })
  }

  #askOnce(waiting: Client[]): void {
    if (this.#inspector.isStopping || this.#inspector.generations.length === 0) return
    for (const client of this.#clients) if (!waiting.includes(client)) client.again()
  }

  #checkAnswers(): void {
    if (this.#inspector.isStopping || this.#inspector.generations.length === 0) return
    for (const client of this.#clients) {
      if (client.isWaiting) this.#inspector.waits(client)
    }
  }

  #do({ do: what, isAsked }: Step): void {
    const world = this.#world
    const serving = this.#servingProcess()
    const supervisor = this.#supervisorProcess?.isDead ? undefined : this.#supervisorProcess
    const target = supervisor ?? serving
    world.note(`-- ${isAsked ? 'asked to ' : ''}${what}`)
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
        if (serving) this.#kill(serving)
        return
      case 'freeze':
        if (serving) this.#freeze(serving, 4_000, true)
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
        for (const each of this.#inspector.generations) this.#as(each, (runtime) => runtime.metrics())
    }
  }

  /** Asks the supervisor, or without one the oldest generation. */
  #ask(question: (asked: Asked) => Promise<unknown>): void {
    const process = this.#supervisorProcess
    const supervisor = this.#supervisor
    if (process && supervisor) {
      const slot = supervisor.slots.first
      this.#world.clock.soon(process, () => {
        question({
          restart: (options) => supervisor.restart(options),
          rollBack: (reason) => supervisor.rollBack(reason),
          prove: () => supervisor.prove(),
          status: async () => slot?.current && slot.statusOf(slot.current),
        }).catch(() => undefined)
      })
      return
    }
    this.#as(this.#inspector.generations[0], (runtime) =>
      question({
        restart: (options) => runtime.actions.restart(options),
        rollBack: (reason) => runtime.rollback(reason),
        prove: () => runtime.prove(),
        status: () => runtime.generations(false),
      }),
    )
  }

  #as(process: SimulatedProcess | undefined, act: (runtime: Runtime) => Promise<unknown>): void {
    if (!process) return
    this.#world.clock.soon(process, () => {
      const runtime = this.#inspector.runtimes.get(process)
      if (runtime) act(runtime).catch(() => undefined)
    })
  }

  #servingProcess(): SimulatedProcess | undefined {
    return this.#inspector.generations.reverse().find((each) => {
      const state = this.#inspector.runtimes.get(each)?.state
      return state === 'running' || state === 'restarting'
    })
  }

  #kill(process: SimulatedProcess): void {
    this.#inspector.breaks(process)
    process.die({ code: null, signal: 'SIGKILL' })
  }

  #freeze(process: SimulatedProcess, forMs: number, areTimersFirst: boolean): void {
    if (process.isFrozen || process.isDead) return
    this.#inspector.isBroken = true
    process.freeze()
    this.#world.clock.after(forMs, undefined, () => {
      process.thaw(areTimersFirst)
    })
  }

  #passes(when: 'sent' | 'arrives', from: SimulatedProcess, to: SimulatedProcess, type: string): void {
    if (!this.#isCounting) return
    if (when === 'sent') this.#reach(type)
    // Text is sent at any moment, and nothing depends on it.
    if (type === 'stderr') return
    if (when === 'sent') this.#messages++
    for (const fault of this.#faults) {
      if (fault.at !== this.#messages || fault.when !== when) continue
      this.#faults.splice(this.#faults.indexOf(fault), 1)
      const target = fault.who === 'from' ? from : fault.who === 'to' ? to : this.#supervisorProcess
      if (!target || target.isDead) return
      if (target === this.#supervisorProcess && fault.what === 'kill') this.#reach('supervisor killed')
      this.#reach(`${fault.what} when ${when}`)
      if (fault.what === 'kill') this.#kill(target)
      else if (fault.what === 'freeze') this.#freeze(target, fault.forMs, fault.areTimersFirst)
      return
    }
  }

  #reach(what: Phase | (string & {})): void {
    this.#reached.set(what, (this.#reached.get(what) ?? 0) + 1)
  }

  /** What core binds anew when it takes a socket back without an escrow. */
  #replaceBind(): () => void {
    const internal = net as unknown as { _createServerHandle: unknown }
    const { _createServerHandle: own } = internal
    internal._createServerHandle = (_address: string, at: number) => {
      const { current } = this.#world
      return current ? this.#world.kernel.bind(at, current) : -1
    }
    return () => {
      internal._createServerHandle = own
    }
  }

  /** Ends what is left of the sockets, so that nothing of this run stays in memory. */
  #clean(): void {
    const { kernel, processes } = this.#world
    for (const process of processes) process.isDead = true
    for (const server of this.#servers) endConnectionChecks(server)
    for (const { opened } of [...kernel.connections, ...kernel.pipes]) {
      for (const handle of opened) socketOf(handle as unknown as RawHandle)?.destroy()
    }
  }
}
