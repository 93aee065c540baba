import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { constants } from 'node:os'
import {
  EndlessError,
  protocolVersion,
  withStdio,
  type GenerationStatus,
  type Logger,
  type RawHandle,
  type RestartReport,
  type SpawnRequest,
  type SupervisorFacts,
  type ToSupervisor,
} from '@endless/core/supervision'
import { BackOff } from './back-off.js'
import { describeDeath, type Death } from './death.js'
import { Escrow, type KeptListener } from './escrow.js'
import { Generation } from './generation.js'
import { Questions } from './questions.js'

/** What a supervisor needs of the world. */
export interface World {
  readonly logger: Logger
  now(): number
  spawn(command: string, args: string[], options: SpawnOptions): ChildProcess
  terminal(): 'present' | 'gone' | 'none'
}

/** What a supervisor tells of, as it happens. */
export interface SupervisorEvents {
  /** A generation serves, for the first time or again. */
  serving(generation: Generation): void
  /** A generation asks for a successor. */
  restarting(): void
  /** A successor has ended before it served: its predecessor serves on. */
  restartFailed(reason: string): void
  /** The service shuts down. */
  stopping(): void
}

/** After what time a program that has not said that it serves is worth a word. */
const slowStartMs = 60_000

/** How a generation that served has ended, by the clock of the world. */
export type LastDeath = Death & { number: number; pid: number; endedMs: number }

export type SupervisorSignal = 'SIGHUP' | 'SIGTERM' | 'SIGINT' | 'SIGUSR1' | 'SIGUSR2' | 'SIGTSTP'

/**
 * The parent of all generations of a service. It holds no code of the application: it starts generations,
 * passes on what they give each other, keeps a copy of each listening socket, and replaces a generation
 * that has died when nobody else takes its place.
 */
export class Supervisor {
  /** Settles with the exit code of the service when all generations have ended. */
  readonly ended: Promise<number>
  readonly #world: World
  readonly #events: SupervisorEvents
  readonly #generations = new Set<Generation>()
  readonly #questions = new Questions()
  readonly #backOff = new BackOff()
  /** The one that serves. */
  #current: Generation | undefined
  /** The last one that served: what takes its place is started like it. */
  #last: Generation | undefined
  /** What is to be listened on while nobody serves. */
  #kept = new Escrow()
  #death: LastDeath | undefined
  /** For how long the one that ended last had served. */
  #servedMs = 0
  #isStopping = false
  #isHangUpDue = false
  #replacement: NodeJS.Timeout | undefined
  #settleEnded!: (exitCode: number) => void

  constructor(world: World, events: SupervisorEvents) {
    this.#world = world
    this.#events = events
    this.ended = new Promise((resolve) => (this.#settleEnded = resolve))
  }

  /** Those that live, from the oldest to the newest. */
  get generations(): Generation[] {
    return [...this.#generations]
  }

  get current(): Generation | undefined {
    return this.#current
  }

  /** How the last generation that died by itself has ended. */
  get death(): LastDeath | undefined {
    return this.#death
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  /**
   * Starts the service.
   *
   * @param listeners sockets that somebody has bound for it
   */
  start(launch: SpawnRequest, listeners: KeptListener[] = []): void {
    for (const listener of listeners) this.#kept.put(listener)
    const first = this.#spawn(launch, 0)
    if (!(first instanceof Generation)) {
      void first.then(({ message }) => {
        this.#world.logger.error(`Cannot start ${launch.command}: ${message}`)
        this.#settleEnded(1)
      })
      return
    }
    setTimeout(() => {
      if (first.isReady || first.hasEnded) return
      this.#world.logger.warn(
        `generation 0 (pid ${String(first.pid)}) has not become ready in ${String(slowStartMs / 1000)} s: ` +
          'does it listen with @endless/core, in the process that was started? Until it does it cannot be restarted.',
      )
    }, slowStartMs).unref()
  }

  signal(signal: SupervisorSignal): void {
    switch (signal) {
      case 'SIGHUP':
        this.#hangUp()
        return
      case 'SIGTERM':
      case 'SIGINT':
        this.#stop(signal)
        return
      case 'SIGUSR2':
        // Those that do not listen for it yet would die of it.
        for (const each of this.#generations) if (each.isReady) each.signal(signal)
        return
      case 'SIGUSR1':
      case 'SIGTSTP':
        this.#current?.signal(signal)
        return
      default:
        signal satisfies never
    }
  }

  /**
   * Restarts the service; settles when the successor has taken over.
   *
   * @throws (rejects) with the reason if the old generation serves on
   */
  async restart(): Promise<RestartReport> {
    const current = this.#current
    if (!current || this.#isStopping) {
      throw this.#isStopping
        ? new EndlessError(
            'ERR_ENDLESS_SHUTTING_DOWN',
            'Cannot restart: the service is shutting down.',
          )
        : new EndlessError('ERR_ENDLESS_NOT_RUNNING', 'Cannot restart: nothing serves yet.')
    }
    return (await this.#questions.ask(current, 'restart')) as RestartReport
  }

  /** Asks a generation about itself. */
  async statusOf(generation: Generation): Promise<GenerationStatus> {
    return (await this.#questions.ask(generation, 'status')) as GenerationStatus
  }

  #hangUp(): void {
    if (this.#world.terminal() === 'gone') {
      this.#world.logger.info('the terminal has been closed: shutting down')
      this.#stop('SIGINT')
    } else if (this.#current) this.#current.signal('SIGHUP')
    // A generation that does not serve yet would die of it.
    else this.#isHangUpDue = true
  }

  #stop(signal: 'SIGTERM' | 'SIGINT'): void {
    if (!this.#isStopping) this.#events.stopping()
    this.#isStopping = true
    clearTimeout(this.#replacement)
    for (const generation of this.#generations) {
      // A successor that boots is its predecessor's to stop.
      if (generation.isReady || !generation.predecessor) generation.signal(signal)
    }
    this.#endIfDone()
  }

  #spawn(
    launch: SpawnRequest,
    number: number,
    predecessor?: Generation,
  ): Generation | Promise<Error> {
    const { command, args, cwd, env } = launch
    let child: ChildProcess
    try {
      child = withStdio((stdio) =>
        // In a session of its own: a terminal's Ctrl-C is for this process alone.
        this.#world.spawn(command, args, { cwd, env, stdio, detached: true }),
      )
    } catch (error) {
      return Promise.resolve(error as Error)
    }
    if (child.pid === undefined) return failureOf(child)
    // It comes for other reasons too, such as a signal that could not be sent.
    child.on('error', ignore)
    // What is called back must not know the predecessor: each generation would keep all before it.
    const generation: Generation = new Generation(
      child as ChildProcess & { pid: number },
      { launch, number, nowMs: this.#world.now() },
      (message, handle) => {
        this.#receive(generation, message, handle)
      },
      (reason) => {
        this.#world.logger.error(
          `Ignored what came from generation ${String(generation.number)} (pid ${String(child.pid)}): ` +
            `it is not for a supervisor: ${reason instanceof Error ? reason.message : String(reason)}`,
        )
      },
    )
    if (predecessor) {
      generation.predecessor = predecessor
      predecessor.successor = generation
    }
    this.#generations.add(generation)
    void generation.ended.then((death) => {
      this.#ended(generation, death)
    })
    return generation
  }

  #receive(from: Generation, message: ToSupervisor, handle: RawHandle | undefined): void {
    switch (message.type) {
      case 'welcome':
        if (from.successor) {
          from.successor.number = message.generation
          from.successor.isWelcomed = true
        }
        void this.#pass(from.successor, { ...message, supervisor: this.#facts }, handle)
        return
      case 'taken-over':
        if (from.successor) this.#changeCurrent(from.successor)
        // What the successor does not listen on must refuse; what it does is among its own.
        from.escrow.close()
        void this.#pass(from.successor, message, handle)
        return
      case 'listener':
      case 'older':
        void this.#pass(from.successor, message, handle)
        return
      case 'connection':
      case 'upgrade':
        void this.#pass(from.successor, message, handle).then((isPassed) => {
          const type = message.type === 'connection' ? 'declined' : 'upgrade-declined'
          if (!isPassed) void from.send({ type, id: message.id })
        })
        return
      case 'hello':
        from.hasSaidHello = true
        if (from.predecessor) void this.#pass(from.predecessor, message, handle)
        else this.#welcome(from)
        return
      case 'escrow':
        if (!handle) return
        // This process keeps it, and so does the predecessor while there is one.
        from.escrow.put({ asked: message.asked, bound: message.bound, handle })
        void from.predecessor?.send(message, handle)
        return
      case 'released':
        from.escrow.release(message.bound)
        void this.#pass(from.predecessor, message, handle)
        return
      case 'ready':
        from.isReady = true
        from.wanted = { pidFile: message.pidFile, control: message.control }
        if (from.predecessor) void this.#pass(from.predecessor, message, handle)
        else this.#letServe(from)
        return
      case 'leaving':
        from.hasLeft = true
        from.escrow.close()
        void this.#pass(from.predecessor, message, handle)
        return
      case 'error':
        from.noteError(message.error)
        void this.#pass(from.predecessor, message, handle)
        return
      case 'stderr':
        from.noteStderr(message.text)
        void this.#pass(from.predecessor, message, handle)
        return
      case 'ask-older':
      case 'adopted':
      case 'declined':
      case 'upgrade-adopted':
      case 'upgrade-declined':
      case 'succeeded':
        void this.#pass(from.predecessor, message, handle)
        return
      case 'spawn':
        this.#startSuccessor(from, message.launch)
        return
      case 'kill':
        from.successor?.signal(message.signal)
        return
      case 'serving':
        this.#serving(from)
        return
      case 'not-serving':
        from.isHopeful = false
        this.#replaceIfNobodyServes()
        return
      case 'answer':
      case 'refusal':
        this.#questions.answer(from, message)
        return
      default:
        message satisfies never
        throw new Error('it is of no known type')
    }
  }

  /** Sends on what one generation gives another; this process keeps nothing of it. */
  async #pass(
    to: Generation | undefined,
    message: Parameters<Generation['send']>[0],
    handle: RawHandle | undefined,
  ): Promise<boolean> {
    const isPassed = (await to?.send(message, handle)) ?? true
    handle?.close()
    return isPassed
  }

  get #facts(): SupervisorFacts {
    return {
      isAtTerminal: this.#world.terminal() === 'present',
      isFirst: this.#last === undefined,
    }
  }

  // Where a generation has no predecessor, this process stands in for one.

  #welcome(generation: Generation): void {
    for (const { handle, ...name } of this.#kept.listeners) {
      void generation.send({ type: 'listener', ...name }, handle)
    }
    generation.isWelcomed = true
    void generation.send({
      type: 'welcome',
      version: protocolVersion,
      generation: generation.number,
      directory: '',
      addedExecArgv: [],
      ticketKeys: {},
      supervisor: this.#facts,
    })
  }

  #letServe(generation: Generation): void {
    void generation.send({ type: 'taken-over' })
    void generation.send({ type: 'predecessor-gone' })
  }

  #startSuccessor(of: Generation, launch: SpawnRequest): void {
    if (of.successor) throw new Error('it has a successor')
    const successor = this.#spawn(launch, of.number + 1, of)
    if (!(successor instanceof Generation)) {
      void successor.then((error) => {
        const { name, message, code } = error as NodeJS.ErrnoException
        void of.send({ type: 'spawn-failed', error: { name, message, code } })
      })
      return
    }
    this.#events.restarting()
    void of.send({ type: 'spawned', pid: successor.pid })
  }

  #changeCurrent(generation: Generation): void {
    this.#current = generation
    this.#last = generation
    generation.servingSinceMs ??= this.#world.now()
  }

  #serving(generation: Generation): void {
    generation.isHopeful = false
    generation.hasLeft = false
    // A successor that has taken over is older news than its predecessor's taking over again.
    const isBack = this.#current === undefined
    if (isBack || this.#current === generation) {
      this.#changeCurrent(generation)
      this.#kept.close()
      this.#kept = new Escrow()
      this.#events.serving(generation)
      if (this.#isStopping && isBack) generation.signal('SIGTERM')
      if (this.#isHangUpDue) generation.signal('SIGHUP')
      this.#isHangUpDue = false
    }
  }

  #ended(generation: Generation, death: Death): void {
    this.#generations.delete(generation)
    this.#questions.ended(generation, death)
    const { predecessor, successor } = generation
    if (successor) {
      successor.predecessor = undefined
      if (successor.isWelcomed) void successor.send({ type: 'predecessor-gone' })
    }
    if (predecessor) {
      predecessor.successor = undefined
      void predecessor.send({ type: 'exited', code: death.code, signal: death.signal })
    }
    const { servingSinceMs } = generation
    this.#servedMs = servingSinceMs === undefined ? 0 : this.#world.now() - servingSinceMs
    const hasServed = generation === this.#current || this.#last === undefined
    if (hasServed) {
      this.#current = undefined
      const { number, pid } = generation
      this.#death = { ...death, number, pid, endedMs: this.#world.now() }
      this.#kept.close()
      this.#kept = generation.escrow
      // It has been told: it answers whether it takes over again.
      if (predecessor && generation.servingSinceMs !== undefined) predecessor.isHopeful = true
    } else {
      generation.escrow.close()
      const hasFailed = predecessor && generation.servingSinceMs === undefined
      if (hasFailed && !this.#isStopping) this.#events.restartFailed(describeDeath(death))
    }
    // Or each generation would keep all that came before it or after it.
    generation.predecessor = generation.successor = undefined
    const isDrained = !hasServed && generation.servingSinceMs !== undefined && death.code === 0
    // Of a successor that failed its predecessor tells.
    if (!generation.hasLeft && !this.#isStopping && !predecessor && !isDrained) {
      this.#world.logger.error(
        `generation ${String(generation.number)} (pid ${String(generation.pid)}) ${describeDeath(death)}`,
      )
    }
    if (successor && !successor.isWelcomed && successor.hasSaidHello) this.#welcome(successor)
    else if (successor?.isReady) this.#letServe(successor)
    this.#replaceIfNobodyServes()
  }

  #replaceIfNobodyServes(): void {
    const dead = this.#last
    const isDead = dead?.hasEnded === true && !dead.hasLeft
    const isHopeless = ![...this.#generations].some(({ isHopeful }) => isHopeful)
    if (this.#isStopping || this.#current || !isDead || !isHopeless) {
      this.#endIfDone()
      return
    }
    if (this.#replacement) return
    const delayMs = this.#backOff.next(this.#servedMs)
    this.#world.logger.info(
      delayMs === 0 ? 'starting it again' : `starting it again in ${String(delayMs)} ms`,
    )
    this.#replacement = setTimeout(() => {
      this.#replacement = undefined
      this.#replace(dead)
    }, delayMs)
  }

  #replace(dead: Generation): void {
    const generation = this.#spawn(dead.launch, dead.number + 1)
    if (generation instanceof Generation) return
    void generation.then(({ message }) => {
      this.#world.logger.error(`Cannot start ${dead.launch.command}: ${message}`)
      this.#replaceIfNobodyServes()
    })
  }

  #endIfDone(): void {
    const isOver = this.#isStopping || this.#last === undefined || this.#last.hasLeft
    if (!isOver || this.#generations.size > 0 || this.#current) return
    clearTimeout(this.#replacement)
    this.#kept.close()
    this.#settleEnded(exitCodeOf(this.#death))
  }
}

function ignore(): void {
  // What becomes of a generation is heard from its end.
}

/** Settles with the reason why a process could not be started. */
function failureOf(child: ChildProcess): Promise<Error> {
  return new Promise((resolve) => child.on('error', resolve))
}

/** As a shell gives it: 128 and the number of the signal. */
function exitCodeOf(death: Death | undefined): number {
  if (!death) return 1
  const { code, signal } = death
  if (code !== null) return code
  return 128 + (signal === null ? 0 : constants.signals[signal])
}
