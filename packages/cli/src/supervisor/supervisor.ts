import {
  type GenerationStatus,
  type LastRestart,
  type RawHandle,
  type RestartReport,
  type SpawnRequest,
  type SupervisorFacts,
  type ToSupervisor,
} from '@endless/core/for-cli'
import { startGeneration } from './start-generation.js'
import { Chain } from './chain.js'
import type { Death } from './death.js'
import type { KeptListener } from './escrow.js'
import type { SupervisorEvents } from './events.js'
import { Generation } from './generation.js'
import { Insistence } from './unresponsive-generations.js'
import { Questions } from './questions.js'
import { Relay } from './relay.js'
import { Restarts } from './restarts.js'
import { StandIn } from './stand-in.js'
import { Succession, type LastDeath } from './succession.js'
import type { World } from './world.js'

/** After what time a program that has not said that it serves is worth a word. */
const slowStartMs = 60_000
/** npm and shells pass Ctrl-C on to a process that the terminal has told already: that is no second one. */
const ctrlCEchoMs = 500

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
  readonly #chain = new Chain()
  readonly #questions = new Questions()
  readonly #standIn: StandIn
  readonly #relay: Relay
  readonly #succession: Succession
  readonly #insistence: Insistence
  readonly #restarts: Restarts
  #isHangUpDue = false
  #interruptedMs = -Infinity

  constructor(world: World, events: SupervisorEvents) {
    this.#world = world
    this.#events = events
    const facts = (): SupervisorFacts => ({
      isAtTerminal: world.terminal() === 'present',
      isFirst: this.#chain.last === undefined,
    })
    this.#standIn = new StandIn(facts)
    this.#relay = new Relay(this.#standIn, facts, (generation, durationMs) => {
      this.#chain.changeCurrent(generation, world.now())
      this.#restarts.takenOver(generation, durationMs)
    })
    this.#succession = new Succession(world, events, this.#chain, this.#standIn, (launch, number) =>
      this.#spawn(launch, number),
    )
    this.#restarts = new Restarts(world, events, this.#chain, this.#questions, this.#succession)
    this.#insistence = new Insistence(this.#questions, world.logger, world.pid)
    this.ended = this.#succession.over
  }

  /** Those that live, from the oldest to the newest. */
  get generations(): Generation[] {
    return this.#chain.living
  }

  get current(): Generation | undefined {
    return this.#chain.current
  }

  /** How the last restart has ended, as far as this process has seen it. */
  get lastRestart(): LastRestart | null {
    return this.#restarts.last
  }

  /** When another generation is started in the place of a dead one, in ms from now; `null` if that is not due. */
  get startingInMs(): number | null {
    return this.#succession.startingInMs
  }

  /** How the last generation that died by itself has ended. */
  get death(): LastDeath | undefined {
    return this.#succession.death
  }

  get isStopping(): boolean {
    return this.#succession.isStopping
  }

  /**
   * Starts the service.
   *
   * @param listeners sockets that somebody has bound for it
   */
  start(launch: SpawnRequest, listeners: KeptListener[] = []): void {
    this.#standIn.put(listeners)
    const first = this.#spawn(launch, 0)
    if (!(first instanceof Generation)) {
      void first.then((error) => {
        this.#succession.fail(launch, error)
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
        for (const each of this.generations) if (each.isReady) each.signal(signal)
        if (this.isStopping) this.#insistence.hammered(this.generations)
        return
      case 'SIGUSR1':
      case 'SIGTSTP':
        this.current?.signal(signal)
        return
      default:
        signal satisfies never
    }
  }

  /** As {@link Restarts.restart}. */
  restart(): Promise<RestartReport> {
    return this.#restarts.restart()
  }

  /** Asks a generation about itself. */
  async statusOf(generation: Generation): Promise<GenerationStatus> {
    return (await this.#questions.ask(generation, 'status')) as GenerationStatus
  }

  #hangUp(): void {
    if (this.#world.terminal() === 'gone') {
      this.#world.logger.info('the terminal has been closed: shutting down')
      this.#stop('SIGINT')
    } else if (this.current) this.current.signal('SIGHUP')
    // Of what comes of it the log tells.
    else if (this.startingInMs !== null) this.restart().catch(() => undefined)
    // A generation that does not serve yet would die of it.
    else this.#isHangUpDue = true
  }

  #stop(signal: 'SIGTERM' | 'SIGINT'): void {
    const isAgain = this.isStopping
    this.#succession.stop()
    for (const generation of this.generations) {
      // A successor that boots is its predecessor's to stop.
      if (generation.isReady || !generation.predecessor) generation.signal(signal)
    }
    if (!isAgain) this.#insistence.stopped(this.generations)
    if (signal === 'SIGINT') this.#interrupted(isAgain)
  }

  /** Ctrl-C: the second one is the hammer, as the generations have it. */
  #interrupted(isAgain: boolean): void {
    const nowMs = this.#world.now()
    const sinceMs = nowMs - this.#interruptedMs
    if (sinceMs < ctrlCEchoMs) return
    this.#interruptedMs = nowMs
    if (isAgain && sinceMs < Infinity) this.#insistence.hammered(this.generations)
  }

  #spawn(
    launch: SpawnRequest,
    number: number,
    predecessor?: Generation,
  ): Generation | Promise<Error> {
    // What is called back must not know the predecessor: each generation would keep all before it.
    const generation = startGeneration(this.#world, launch, number, this.#receive)
    if (!(generation instanceof Generation)) return generation
    this.#chain.add(generation, predecessor)
    void generation.ended.then((death) => {
      this.#ended(generation, death)
    })
    return generation
  }

  #ended(generation: Generation, death: Death): void {
    this.#restarts.ended(generation, death)
    this.#questions.ended(generation, death)
    this.#succession.ended(generation, death)
    // It came while a replacement was booting, which has died now.
    if (this.#isHangUpDue && this.startingInMs !== null) {
      this.#isHangUpDue = false
      this.#hangUp()
    }
  }

  readonly #receive = (
    from: Generation,
    message: ToSupervisor,
    handle: RawHandle | undefined,
  ): void => {
    switch (message.type) {
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
        this.#succession.declined(from)
        return
      case 'answer':
      case 'refusal':
        this.#questions.answer(from, message)
        return
      default:
        this.#relay.receive(from, message, handle)
    }
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

  #serving(generation: Generation): void {
    generation.isHopeful = false
    if (!this.#succession.admits(generation)) {
      generation.signal('SIGTERM')
      return
    }
    generation.hasLeft = false
    // A successor that has taken over is older news than its predecessor's taking over again.
    const isBack = this.current === undefined
    if (!isBack && this.current !== generation) return
    this.#chain.changeCurrent(generation, this.#world.now())
    this.#standIn.release()
    this.#events.serving(generation)
    this.#succession.served(generation)
    if (this.isStopping && isBack) generation.signal('SIGTERM')
    if (this.#isHangUpDue) generation.signal('SIGHUP')
    this.#isHangUpDue = false
  }
}
