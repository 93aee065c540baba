import { EndlessError, messageOf } from '../api/endless-error.js'
import type { GenerationStatus } from '../api/status.js'
import type { Channel } from '../line/channel.js'
import { formatAddress } from '../listeners/address.js'
import type { PassedListener } from '../listeners/passed-listener.js'
import type { Migration } from '../migration/migration.js'
import type { UpgradeMigration } from '../migration/upgrade-migration.js'
import type { RawHandle, RawListener } from '../node/internals.js'
import type { System } from '../node/system.js'
import { deferred, within } from '../node/waits.js'
import type { Child } from './child.js'
import { Escrow } from './escrow.js'
import { type Failure, LastWords } from './last-words.js'
import { Moves } from './moves.js'
import { protocolVersion, type ToPredecessor, type ToSuccessor, type Welcome } from './protocol.js'

// The predecessor's half of a handoff; successor.ts is the other.

/** How long a successor that is told to stop may take before it is killed. */
const stopGraceMs = 2_000
/** How long reports of a successor that has exited may still be on their way. */
const lastWordsMs = 1_000

/** What {@link Successor} needs from the process that gives way. */
export interface SuccessorHost {
  readonly system: System
  readonly child: Child
  /** What it is given to listen on. */
  readonly passed: readonly PassedListener[]
  readonly welcome: Omit<Welcome, 'type' | 'version' | 'supervisor'>
  readonly readyTimeoutMs: number
  /** Returns the status of this process and of all older ones, hammered first if told so. */
  readonly answerOlder: (isHammered: boolean) => Promise<GenerationStatus[]>
}

/** A successor that is booting, or that has taken over. */
export class Successor {
  /** The pid file that it has, once it is ready. */
  pidFile: string | undefined
  readonly #host: SuccessorHost
  readonly #channel: Channel<ToSuccessor, ToPredecessor>
  readonly #escrow = new Escrow()
  readonly #lastWords = new LastWords()
  readonly #moves: Moves
  readonly #ready = deferred()
  readonly #exited: Promise<EndlessError>
  readonly #refused = deferred<EndlessError>()
  readonly #serving = deferred()
  #version = 0
  #hasTakenOver = false
  #isTold = false
  #hasExited = false
  #refusal: EndlessError | undefined

  constructor(host: SuccessorHost) {
    const { system, child, readyTimeoutMs } = host
    this.#host = host
    this.#channel = child.channel
    this.#moves = new Moves(system, child.channel)
    this.#channel.onMessage = (message, handle) => {
      this.#receive(message, handle)
    }
    // Referenced: the process must not end while a restart is under way.
    const timer = system.setTimeout(() => {
      const whatItDid = `was not ready after ${String(readyTimeoutMs)} ms`
      this.#ready.reject(this.#explain('ERR_ENDLESS_READY_TIMEOUT', whatItDid))
    }, readyTimeoutMs)
    this.#exited = this.#watchExit()
    void this.#exited.then((error) => {
      this.#ready.reject(error)
      this.#serving.resolve()
      this.#moves.abort()
    })
    // The caller may be busy with something else when it rejects.
    this.ready.finally(() => clearTimeout(timer)).catch(() => undefined)
  }

  /** Settles when it serves as soon as it may; rejects with the reason if it never will. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Settles when the process is gone, with what there is to say about that. */
  get exited(): Promise<EndlessError> {
    return this.#exited
  }

  /** Settles with the reason if it begins to shut down instead of taking over. */
  get refused(): Promise<EndlessError> {
    return this.#refused.promise
  }

  /** Settles when it has said that it serves, or is gone; only then is its control socket there. */
  get serving(): Promise<void> {
    return this.#serving.promise
  }

  /** Unknown until it has been started. */
  get pid(): number | undefined {
    return this.#host.child.pid
  }

  /** The way for open connections; `undefined` before it is ready, and if it speaks another version. */
  get migration(): Migration | undefined {
    return this.#moves.migration
  }

  /** The way for what has left HTTP; `undefined` before it has taken over, and as above. */
  get upgrades(): UpgradeMigration | undefined {
    return this.#moves.upgrades
  }

  /** Why it will not take over, if it has said so. */
  get refusal(): EndlessError | undefined {
    return this.#refusal
  }

  /** Whether it has been told to accept, at the moment when this process stopped. */
  get hasTakenOver(): boolean {
    return this.#hasTakenOver
  }

  /** Whether somebody else answers for the service if it dies. */
  get hasLeft(): boolean {
    return this.#escrow.isClosed
  }

  /** Tells it to accept, so long after the restart was asked for. Rejects if it is gone. */
  async takeOver(afterMs: number): Promise<void> {
    this.#hasTakenOver = true
    // Another version may not tell.
    if (this.#version === protocolVersion) this.#moves.openUpgrades()
    else this.#serving.resolve()
    await this.#channel.send({ type: 'taken-over', afterMs })
    this.#isTold = true
  }

  /** Ends it: asks first, then kills. Settles when it is gone. */
  async stop(): Promise<void> {
    if (!this.#hasExited) this.signal('SIGTERM')
    // Referenced: whoever stops a successor waits for that.
    const timer = this.#host.system.setTimeout(() => {
      if (!this.#hasExited) this.signal('SIGKILL')
    }, stopGraceMs)
    await this.exited
    clearTimeout(timer)
  }

  /** Signals it, unless it is gone. */
  signal(signal: NodeJS.Signals): void {
    this.#host.child.kill(signal)
  }

  /** Takes its copy of a listening socket back, by where it is bound; `undefined` if it had none. */
  takeEscrow(bound: string): RawListener | undefined {
    return this.#escrow.take(bound)
  }

  /** Gives up taking over again: whoever shuts this process down now means it. */
  closeEscrow(): void {
    this.#escrow.close()
  }

  /** Lets this process end while the successor lives on. */
  release(): void {
    this.#host.child.release()
  }

  /** Ends the line to it: nothing more comes from this process, which may live on. */
  disconnect(): void {
    this.#host.child.disconnect()
  }

  #receive(message: ToPredecessor, given: RawHandle | undefined): void {
    switch (message.type) {
      case 'hello':
        this.#version = message.version
        this.#welcome()
        break
      case 'error':
        this.#lastWords.diedOf(message.error)
        break
      case 'stderr':
        this.#lastWords.wrote(message.text)
        break
      case 'escrow':
        if (given) this.#escrow.add(formatAddress(message.bound), given as RawListener)
        break
      case 'released':
        this.#escrow.take(message.bound)?.close()
        break
      case 'ready':
        this.pidFile = message.pidFile
        if (this.#version === protocolVersion) this.#moves.openMigration(message.adopts)
        this.#ready.resolve()
        break
      case 'adopted':
      case 'declined':
      case 'upgrade-adopted':
      case 'upgrade-declined':
        this.#moves.answered(message)
        break
      case 'serving':
        this.#serving.resolve()
        break
      case 'ask-older':
        void this.#host.answerOlder(message.isHammered).then((generations) => {
          this.#send({ type: 'older', id: message.id, generations })
        })
        break
      case 'leaving':
        this.#serving.resolve()
        this.#moves.close()
        // It may not have heard yet that it has taken over, and then it never will.
        if (message.hasTakenOver ?? this.#hasTakenOver) this.closeEscrow()
        else this.#refuse()
        break
      case 'succeeded':
        this.closeEscrow()
        break
      default:
        message satisfies never
    }
  }

  #welcome(): void {
    const { passed, welcome } = this.#host
    for (const { asked, bound, handle } of passed) {
      this.#send({ type: 'listener', asked, bound }, handle)
    }
    this.#send({ ...welcome, type: 'welcome', version: protocolVersion })
  }

  #refuse(): void {
    this.#refusal = this.#explain(
      'ERR_ENDLESS_SUCCESSOR_EXITED',
      'began to shut down before it had taken over',
    )
    this.#ready.reject(this.#refusal)
    this.#refused.resolve(this.#refusal)
  }

  #send(message: ToSuccessor, handle?: RawListener): void {
    // A successor that cannot be reached has exited or will: that is where it is reported.
    this.#channel.send(message, handle).catch(() => undefined)
  }

  async #watchExit(): Promise<EndlessError> {
    try {
      const exit = await this.#host.child.exit
      this.#hasExited = true
      if (exit === 'lost') return this.#lose()
      this.#lastWords.exited(exit)
      await this.#hearOut()
      const { code, signal } = exit
      return this.#gone(
        signal === null ? `exited with code ${String(code)}` : `was ended by ${signal}`,
      )
    } catch (error) {
      this.#hasExited = true
      return spawnFailed(error)
    }
  }

  /** Nothing more is heard of it. If it knows that it has taken over it serves, and else it ends. */
  #lose(): EndlessError {
    if (this.#isTold) this.closeEscrow()
    this.#moves.lose()
    return this.#gone('was lost with the supervisor')
  }

  #gone(whatItDid: string): EndlessError {
    const when = this.#hasTakenOver ? 'after' : 'before'
    return this.#explain('ERR_ENDLESS_SUCCESSOR_EXITED', `${whatItDid} ${when} it had taken over`)
  }

  #explain(code: Failure['code'], whatItDid: string): EndlessError {
    const { pid } = this
    return this.#lastWords.explain({ code, whatItDid, pid, hasTakenOver: this.#hasTakenOver })
  }

  /** The exit is reported on another way than messages, which may be late. */
  async #hearOut(): Promise<void> {
    await within(this.#channel.closed, lastWordsMs, this.#host.system)
  }
}

export function spawnFailed(cause: unknown): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_SPAWN_FAILED',
    `Could not start the successor: ${messageOf(cause)}. This generation serves on.`,
    { cause },
  )
}
