import type { Migration } from '../migration/migration.js'
import type { UpgradeMigration } from '../migration/upgrade-migration.js'
import { EndlessError, messageOf } from '../api/endless-error.js'
import type { GenerationStatus } from '../api/generation.js'
import type { RawHandle, RawListener } from '../node/internals.js'
import { formatAddress } from '../listeners/address.js'
import type { System } from '../node/system.js'
import type { Child } from './child.js'
import { Escrow } from './escrow.js'
import { LastWords, type Failure } from './last-words.js'
import { Moves } from './moves.js'
import {
  protocolVersion,
  type Channel,
  type ListenerName,
  type ToPredecessor,
  type ToSuccessor,
  type Welcome,
} from './protocol.js'

// The predecessor's half of a handoff; successor.ts is the other.

/** How long a successor that is told to stop may take before it is killed. */
const stopGraceMs = 2_000
/** How long reports of a successor that has exited may still be on their way. */
const lastWordsMs = 1_000

/** A listening socket to pass on. */
export interface PassedListener extends ListenerName {
  handle: RawListener
}

/** A successor that is booting, or that has taken over. */
export class Successor {
  /** Settles when it serves as soon as it may; rejects with the reason if it never will. */
  readonly ready: Promise<void>
  /** Settles when the process is gone, with what there is to say about that. */
  readonly exited: Promise<EndlessError>
  /** Settles with the reason if it begins to shut down instead of taking over. */
  readonly refused: Promise<EndlessError>
  /** Settles when it has said that it serves, or is gone; only then is its control socket there. */
  readonly serving: Promise<void>
  /** The pid file that it has, once it is ready. */
  pidFile: string | undefined
  readonly #system: System
  readonly #child: Child
  readonly #channel: Channel<ToSuccessor, ToPredecessor>
  readonly #escrow = new Escrow()
  readonly #lastWords = new LastWords()
  readonly #moves: Moves
  readonly #answerOlder: (isHammered: boolean) => Promise<GenerationStatus[]>
  #settleServing!: () => void
  #settleRefused!: (reason: EndlessError) => void
  #version = 0
  #hasTakenOver = false
  #isTold = false
  #hasExited = false
  #refusal: EndlessError | undefined
  #settle!: { resolve(): void; reject(error: EndlessError): void }

  constructor(
    system: System,
    child: Child,
    passed: PassedListener[],
    welcome: Omit<Welcome, 'type' | 'version' | 'supervisor'>,
    readyTimeoutMs: number,
    answerOlder: (isHammered: boolean) => Promise<GenerationStatus[]>,
  ) {
    this.#system = system
    this.#answerOlder = answerOlder
    this.refused = new Promise((resolve) => (this.#settleRefused = resolve))
    this.serving = new Promise((resolve) => (this.#settleServing = resolve))
    this.ready = new Promise((resolve, reject) => (this.#settle = { resolve, reject }))
    // The caller may be busy with something else when it rejects.
    this.ready.catch(() => undefined)
    this.#child = child
    this.#channel = child.channel
    this.#moves = new Moves(system, child.channel)
    this.#channel.onMessage = (message, handle) => {
      this.#receive(message, handle, passed, {
        ...welcome,
        type: 'welcome',
        version: protocolVersion,
      })
    }
    // Referenced: the process must not end while a restart is under way.
    const timer = system.setTimeout(() => {
      const whatItDid = `was not ready after ${String(readyTimeoutMs)} ms`
      this.#settle.reject(this.#explain('ERR_ENDLESS_READY_TIMEOUT', whatItDid))
    }, readyTimeoutMs)
    this.exited = this.#watchExit()
    void this.exited.then((error) => {
      this.#settle.reject(error)
      this.#settleServing()
      this.#moves.abort()
    })
    this.ready.finally(() => clearTimeout(timer)).catch(() => undefined)
  }

  /** Unknown until it has been started. */
  get pid(): number | undefined {
    return this.#child.pid
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
    else this.#settleServing()
    await this.#channel.send({ type: 'taken-over', afterMs })
    this.#isTold = true
  }

  /** Ends it: asks first, then kills. Settles when it is gone. */
  async stop(): Promise<void> {
    if (!this.#hasExited) this.signal('SIGTERM')
    // Referenced: whoever stops a successor waits for that.
    const timer = this.#system.setTimeout(() => {
      if (!this.#hasExited) this.signal('SIGKILL')
    }, stopGraceMs)
    await this.exited
    clearTimeout(timer)
  }

  /** Signals it, unless it is gone. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
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
    this.#child.release()
  }

  /** Ends the line to it: nothing more comes from this process, which may live on. */
  disconnect(): void {
    this.#child.disconnect()
  }

  #receive(
    message: ToPredecessor,
    given: RawHandle | undefined,
    passed: PassedListener[],
    welcome: Welcome,
  ): void {
    switch (message.type) {
      case 'hello':
        this.#version = message.version
        for (const { asked, bound, handle } of passed) {
          this.#send({ type: 'listener', asked, bound }, handle)
        }
        this.#send(welcome)
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
        this.#settle.resolve()
        break
      case 'adopted':
      case 'declined':
      case 'upgrade-adopted':
      case 'upgrade-declined':
        this.#moves.answered(message)
        break
      case 'serving':
        this.#settleServing()
        break
      case 'ask-older':
        void this.#answerOlder(message.isHammered).then((generations) => {
          this.#send({ type: 'older', id: message.id, generations })
        })
        break
      case 'leaving':
        this.#settleServing()
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

  #refuse(): void {
    this.#refusal = this.#explain(
      'ERR_ENDLESS_SUCCESSOR_EXITED',
      'began to shut down before it had taken over',
    )
    this.#settle.reject(this.#refusal)
    this.#settleRefused(this.#refusal)
  }

  #send(message: ToSuccessor, handle?: RawListener): void {
    // A successor that cannot be reached has exited or will: that is where it is reported.
    this.#channel.send(message, handle).catch(() => undefined)
  }

  async #watchExit(): Promise<EndlessError> {
    try {
      const exit = await this.#child.exit
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
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = this.#system.setTimeout(resolve, lastWordsMs)
    })
    await Promise.race([this.#channel.closed, late])
    clearTimeout(timer)
  }
}

export function spawnFailed(cause: unknown): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_SPAWN_FAILED',
    `Could not start the successor: ${messageOf(cause)}. This generation serves on.`,
    { cause },
  )
}
