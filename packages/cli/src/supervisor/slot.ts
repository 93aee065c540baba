import {
  type Counts,
  type EndlessError,
  deferred,
  generationName,
  type GenerationStatus,
  type LastRestart,
  late,
  type PassedListener,
  type RawHandle,
  type RefusalReport,
  type RestartOptions,
  type RestartReport,
  type SpawnRequest,
  type SupervisorFacts,
  type ToSupervisor,
  within,
} from '@endless/core/for-cli'
import { stableMs } from './back-off.js'
import type { KeptSocket } from './escrow.js'
import { Chain } from './chain.js'
import { type Death, describeDeath } from './death.js'
import { Generation } from './generation.js'
import { LifeWatch } from './life-watch.js'
import { Questions } from './questions.js'
import { type Passed, Relay } from './relay.js'
import { Replacement } from './replacement.js'
import { Restarts } from './restarts.js'
import { Rollbacks } from './rollbacks.js'
import { betterWays, namesPaths, withoutRights } from './rights.js'
import { StandIn } from './stand-in.js'
import { startGeneration } from './start-generation.js'
import { type LastDeath, Succession } from './succession.js'
import type { SlotHost } from './slot-host.js'
import { UnresponsiveGenerations } from './unresponsive-generations.js'

// A slot: wires its parts, and handles signals and messages.

/** How long the first generation may take to become ready before a warning is logged. */
const slowStartMs = 10_000
/**
 * A SIGINT within this time is no second Ctrl-C: npm and shells forward a Ctrl-C that the terminal has
 * already sent to this process.
 */
const ctrlCEchoMs = 500
/** How long a generation that is rolled back may take to react. */
const reactMs = 2_000

export type SlotSignal = 'SIGHUP' | 'SIGTERM' | 'SIGINT' | 'SIGUSR1' | 'SIGUSR2' | 'SIGTSTP'

/**
 * One worker position of a service, with its own chain of generations. It starts generations, passes on their
 * messages to each other, keeps a copy of each listening socket, and replaces a generation that died if no
 * other takes its place.
 */
export class Slot {
  /** Place among the slots, from 0. */
  readonly index: number
  /** Replacement of a generation that died. */
  readonly replacement: Replacement
  /** The probation of its generations, and what ends it. */
  readonly rollbacks: Rollbacks
  readonly #host: SlotHost
  readonly #chain = new Chain()
  readonly #questions = new Questions()
  readonly #standIn: StandIn
  readonly #relay: Relay
  readonly #succession: Succession
  readonly #unresponsive: UnresponsiveGenerations
  readonly #lifeWatch: LifeWatch
  readonly #restarts: Restarts
  /** How the service was started. */
  #launch: SpawnRequest | undefined
  /** Restarts that were asked for, and have not been answered. */
  readonly #restarting = new Set<Promise<RestartReport>>()
  #isLeaving = false
  #isHangUpDue = false
  #interruptedMs = -Infinity

  constructor(host: SlotHost, index: number) {
    this.#host = host
    this.index = index
    // `isFirst` lets a generation accept before it is ready.
    // See docs/decisions.md, "The first generation accepts at once"
    const facts = (): SupervisorFacts => ({
      isAtTerminal: host.terminal() === 'present',
      isFirst: index === 0 && this.#chain.last === undefined,
      takesUdp: true,
      sharesTicketKeys: true,
      slot: index,
      workers: host.workers(),
    })
    const shared = (): KeptSocket[] => host.shared()
    const counts = (): Counts => host.counts()
    this.#standIn = new StandIn(facts, shared, counts)
    this.#relay = new Relay(this.#standIn, facts, {
      shared,
      counts,
      moved: (why) => {
        host.moved(why)
      },
      takenOver: (generation, takeover) => {
        this.#changeCurrent(generation)
        this.#restarts.takenOver(generation, takeover)
      },
      rolledBack: (generation, predecessor, reason) => {
        generation.returning = { toldMs: host.now(), reacted: deferred() }
        this.#chain.rollBack(generation, predecessor, host.now())
        this.#lifeWatch.begin(predecessor)
        this.#restarts.rolledBack(generation, reason)
      },
      left: (generation) => {
        if (generation === this.current) this.#lifeWatch.end()
        this.#succession.left(generation)
      },
      // It does not hear of it if its event loop is blocked.
      surplus: (generation) => {
        this.#unresponsive.hammered([generation])
      },
    })
    this.replacement = new Replacement(host, (launch, number) => this.#spawn(launch, number))
    this.#succession = new Succession(host, this.#chain, this.#standIn, this.replacement)
    this.rollbacks = new Rollbacks(this.#chain, this.#questions)
    this.#restarts = new Restarts({
      host,
      chain: this.#chain,
      questions: this.#questions,
      succession: this.#succession,
      replacement: this.replacement,
      rollbacks: this.rollbacks,
    })
    this.#unresponsive = new UnresponsiveGenerations(this.#questions, host.logger, host.pid)
    this.#lifeWatch = new LifeWatch(() => host.now(), host.maxBlockedMs)
  }

  /** Resolves with the exit code of the last generation that served, when all have ended for good. */
  get ended(): Promise<number> {
    return this.#succession.over
  }

  /** Generations that are alive, from the oldest to the newest. */
  get generations(): Generation[] {
    return this.#chain.living
  }

  get current(): Generation | undefined {
    return this.#chain.current
  }

  /** Generations that are alive, and older than the one that serves. */
  get older(): Generation[] {
    const { current } = this
    return current ? this.generations.filter(({ number }) => number < current.number) : []
  }

  /** Copies of the sockets of its serving generation. */
  get sockets(): KeptSocket[] {
    return this.current?.escrow.sockets ?? []
  }

  /** How the last restart ended, as far as this process saw it. */
  get lastRestart(): LastRestart | null {
    return this.#restarts.last
  }

  /** Last death of a generation that served, or was started to replace a dead one. */
  get death(): LastDeath | undefined {
    return this.#succession.death
  }

  /** What its workers die of, one after the other; `undefined` if they do not, or the last one has served for long. */
  get diesOf(): string | undefined {
    const { current, death } = this
    if (!death || death.inARow < 2) return undefined
    const isStable = this.#host.now() - (current?.servingSinceMs ?? Infinity) >= stableMs
    return isStable ? undefined : describeDeath(death)
  }

  get isStopping(): boolean {
    return this.#succession.isStopping
  }

  /** Whether the slot is being given up, while others go on. */
  get isLeaving(): boolean {
    return this.#isLeaving
  }

  /**
   * Starts a worker beside those that serve already. Resolves when it serves.
   *
   * @throws (rejects) with the reason if it dies before; it is tried again until the slot leaves
   */
  async join(launch: SpawnRequest, readyTimeoutMs: number | undefined): Promise<void> {
    this.#launch = launch
    this.replacement.start({ launch, number: -1, readyTimeoutMs })
    await this.replacement.hasten()
  }

  /** Gives the slot up: its worker gives its connections to others, and ends. */
  leave(): void {
    this.#isLeaving = true
    this.#lifeWatch.end()
    this.#succession.stop()
    for (const each of this.generations) {
      if (each === this.current) void each.send({ type: 'leave' })
      else if (!each.isReady) each.signal('SIGTERM')
    }
  }

  /**
   * Starts the first worker of a service.
   *
   * @param listeners sockets that a service manager bound for it
   */
  start(launch: SpawnRequest, listeners: PassedListener[] = []): void {
    this.#launch = launch
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
      const others = this.#host.workers() > 1 ? ', and the other workers are not started' : ''
      this.#host.logger.warn(
        `${generationName(first)} has not listened on a fixed port or path for ${String(slowStartMs / 1000)} s: ` +
          `until it does, it cannot be restarted${others}. If another process serves in its place, as with npm or ` +
          'tsx, run that one: endless run -- node --import tsx app.ts',
      )
    }, slowStartMs).unref()
  }

  signal(signal: SlotSignal): void {
    switch (signal) {
      case 'SIGHUP':
        this.#hangUp()
        return
      case 'SIGTERM':
      case 'SIGINT':
        this.#stop(signal)
        return
      case 'SIGUSR2':
        // A generation that is not ready does not catch SIGUSR2 yet, and would die of it.
        for (const each of this.generations) if (each.isReady) each.signal(signal)
        if (this.isStopping) this.#unresponsive.hammered(this.generations)
        return
      case 'SIGUSR1':
      case 'SIGTSTP':
        this.current?.signal(signal)
        return
      default:
        signal satisfies never
    }
  }

  /** Restarts the service, as {@link Restarts.restart} does. */
  async restart(options: RestartOptions = {}, askedMs?: number): Promise<RestartReport> {
    const restarting = this.#restarts.restart(options, askedMs)
    this.#restarting.add(restarting)
    return restarting.finally(() => this.#restarting.delete(restarting))
  }

  /** Settles when no successor boots, none that was asked for will, and the generation that serves is not on probation. */
  async untilSettled(): Promise<void> {
    for (;;) {
      const booting = this.generations.find((each) => each.predecessor && !each.isReady)
      const [restarting] = this.#restarting
      if (restarting) await restarting.catch(() => undefined)
      else if (booting) await Promise.race([booting.serving.promise, booting.ended])
      else if (this.rollbacks.isOnProbation) await this.rollbacks.untilOver()
      else return
    }
  }

  /** Ends a successor that boots, so that its restart fails. */
  endSuccessor(): void {
    for (const each of this.generations) {
      if (each.predecessor && !each.isReady) each.signal('SIGTERM')
    }
  }

  /** Asks a generation for its status. */
  async statusOf(generation: Generation): Promise<GenerationStatus> {
    return (await this.#questions.ask(generation, { what: 'status' })) as GenerationStatus
  }

  #hangUp(): void {
    if (this.#host.terminal() === 'gone') {
      this.#host.logger.info('the terminal was closed')
      this.#stop('SIGINT')
    } else if (this.current) this.current.signal('SIGHUP')
    // The log tells how this restart ends.
    else if (this.replacement.startingInMs !== null) this.restart().catch(() => undefined)
    // A generation that does not serve yet would die of SIGHUP.
    else this.#isHangUpDue = true
  }

  #stop(signal: 'SIGTERM' | 'SIGINT'): void {
    const isAgain = this.isStopping
    this.#lifeWatch.end()
    this.#succession.stop()
    for (const generation of this.generations) {
      // A successor that boots is stopped by its predecessor.
      if (generation.isReady || !generation.predecessor) generation.signal(signal)
    }
    if (!isAgain) this.#unresponsive.stopped(this.generations)
    if (signal === 'SIGINT') this.#interrupted(isAgain)
  }

  /** Handles Ctrl-C: the second one is the hammer, as in the generations. */
  #interrupted(isAgain: boolean): void {
    const nowMs = this.#host.now()
    const sinceMs = nowMs - this.#interruptedMs
    if (sinceMs < ctrlCEchoMs) return
    this.#interruptedMs = nowMs
    if (isAgain && sinceMs < Infinity) this.#unresponsive.hammered(this.generations)
  }

  #spawn(
    launch: SpawnRequest,
    number: number,
    predecessor?: Generation,
  ): Generation | Promise<Error> {
    // The callback must not refer to the predecessor: each generation would keep all earlier ones in memory.
    const generation = startGeneration(this.#host, launch, number, this.#receive)
    if (!(generation instanceof Generation)) return generation
    this.#chain.add(generation, predecessor)
    if (this.index > 0) this.#chain.expect(generation)
    void generation.ended.then((death) => {
      this.#ended(generation, death)
    })
    return generation
  }

  #changeCurrent(generation: Generation): void {
    this.#chain.changeCurrent(generation, this.#host.now())
    if (!this.isStopping) this.#lifeWatch.begin(generation)
  }

  #ended(generation: Generation, death: Death): void {
    this.#lifeWatch.ended(generation)
    this.#restarts.ended(generation, death)
    this.#questions.ended(generation, death)
    // It would have killed them if they do not react.
    for (const each of generation.rolledBack.values()) void this.#end(each, 'SIGKILL')
    this.#succession.ended(generation, death)
    this.#host.exchange.ended(generation)
    // SIGHUP came while a replacement was booting, which has died now.
    if (this.#isHangUpDue && this.replacement.startingInMs !== null) {
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
        this.#startSuccessor(from, message)
        return
      case 'kill':
        void this.#end(successorOf(from, message.pid), message.signal)
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
      case 'given':
        void this.#host.exchange.give(from, message, handle)
        return
      case 'taken':
        this.#host.exchange.answer(from, message.id, message.isTaken)
        return
      case 'load':
        from.load = message
        from.owesLoad = false
        this.#lifeWatch.heard(from)
        return
      case 'renew-ticket-keys':
        this.#host.ticketKeys.renew(from, message)
        return
      case 'restart':
        void this.#restartService(from, message)
        return
      case 'ask-metrics':
        void this.#host.metrics().then((text) => from.send({ ...message, type: 'metrics', text }))
        return
      case 'heir':
      case 'metrics':
      case 'counted':
        throw new Error('a supervisor decides and counts itself')
      default:
        this.#pass(from, message, handle)
    }
  }

  /** Passes a message on, as far as its sender has the right to it. */
  #pass(from: Generation, message: Passed, handle: RawHandle | undefined): void {
    const user = namesPaths(message) ? this.#otherUserOf(from) : undefined
    this.#relay.receive(from, user === undefined ? message : withoutRights(message), handle)
    if (message.type === 'ready') from.wanted.refusedTo = user
  }

  /** Returns the user of a generation if it is, or once was, another than ours. */
  #otherUserOf(generation: Generation): string | undefined {
    return (generation.otherUser ??= this.#host.otherUserOf(generation.pid))
  }

  async #restartService(
    from: Generation,
    {
      id,
      wait,
      allowAddressChange,
      probationMs,
      maxBlockedMs,
      maxErrors,
      parallel,
    }: Extract<ToSupervisor, { type: 'restart' }>,
  ): Promise<void> {
    try {
      const report = await this.#host.restart({
        wait,
        allowAddressChange,
        probationMs,
        maxBlockedMs,
        maxErrors,
        parallel,
      })
      void from.send({ type: 'restarted', id, report })
    } catch (error) {
      void from.send({ type: 'not-restarted', id, error: refusalReport(error as EndlessError) })
    }
  }

  /**
   * Signals a successor. One that is rolled back gets its time to react first: this process may have stood still, and
   * passed the news on only now, together with the order to kill it. A later order is that of the hammer.
   */
  async #end(successor: Generation | undefined, signal: NodeJS.Signals): Promise<void> {
    const { returning } = successor ?? {}
    if (signal === 'SIGKILL' && returning) {
      const leftMs = returning.toldMs + reactMs - this.#host.now()
      const reacted = await within(returning.reacted.promise, Math.max(0, leftMs))
      if (reacted !== late && leftMs > -reactMs) return
    }
    successor?.signal(signal)
  }

  #startSuccessor(of: Generation, asked: Extract<ToSupervisor, { type: 'spawn' }>): void {
    if (of.successor) throw new Error('the generation already has a successor')
    const user = this.#otherUserOf(of)
    const launch = user === undefined ? asked.launch : (this.#launch ?? of.launch)
    if (user !== undefined && asked.overrides.length > 0) {
      const options = asked.overrides.map((name) => `successor.${name}`).join(', ')
      const message =
        `${generationName(of)} runs as ${user}, and its supervisor as another user, which starts ` +
        `nothing but its own command line. It refuses ${options}. Leave that out, or ${betterWays}`
      this.#host.logger.error(message)
      this.#host.restarted('failed')
      void of.send({ type: 'spawn-failed', error: { name: 'Error', message } })
      return
    }
    const successor = this.#spawn(launch, of.number + 1, of)
    if (!(successor instanceof Generation)) {
      void successor.then((error) => {
        this.#host.restarted('failed')
        const { name, message, code } = error as NodeJS.ErrnoException
        void of.send({ type: 'spawn-failed', error: { name, message, code } })
      })
      return
    }
    this.#host.restarting()
    void of.send({ type: 'spawned', pid: successor.pid })
  }

  #serving(generation: Generation): void {
    generation.isHopeful = false
    if (!this.#succession.admits(generation)) {
      generation.signal('SIGTERM')
      return
    }
    // An old report, read after the news of its end, or of its rollback.
    if (generation.hasEnded || generation.rolledBackBy) return
    const { current } = this
    if (current && current !== generation) {
      this.#host.logger.error(
        `${generationName(generation)} serves beside ${generationName(current)}: ending it`,
      )
      generation.signal('SIGTERM')
      return
    }
    generation.hasLeft = false
    const isBack = current === undefined
    this.#changeCurrent(generation)
    this.#standIn.release()
    this.#host.serving(generation)
    this.#succession.served(generation)
    generation.serving.resolve()
    void generation.predecessor?.send({ type: 'serving' })
    if (this.isStopping && isBack) generation.signal('SIGTERM')
    if (this.#isHangUpDue) generation.signal('SIGHUP')
    this.#isHangUpDue = false
  }
}

/** Field by field, and without the stack, which leads to this process. */
function refusalReport({
  name,
  message,
  code,
  pid,
  exitCode,
  signal,
  stderr,
}: EndlessError): RefusalReport {
  return { name, message, code, pid, exitCode, signal, stderr }
}

/** Returns which of its successors a generation means by a pid: the last one, or one that was rolled back. */
function successorOf(
  { successor, rolledBack }: Generation,
  pid: number | undefined,
): Generation | undefined {
  return pid === undefined || pid === successor?.pid ? successor : rolledBack.get(pid)
}
