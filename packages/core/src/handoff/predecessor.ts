import { Migration } from '../connections/migrate.js'
import { UpgradeMigration } from '../connections/migrate-upgrade.js'
import { EndlessError, messageOf } from '../errors.js'
import type { GenerationStatus } from '../generation.js'
import type { RawHandle, RawListener } from '../internals.js'
import { formatAddress } from '../listeners/address.js'
import type { System } from '../system.js'
import type { Child, Exit } from './child.js'
import {
  protocolVersion,
  type Channel,
  type ErrorReport,
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
const keptLines = 20

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
  /** Settles when it has said that it serves, or is gone; only then is its control socket there. */
  readonly serving: Promise<void>
  /** The pid file that it has, once it is ready. */
  pidFile: string | undefined
  /** The way for open connections; `undefined` before it is ready, and if it speaks another version. */
  migration: Migration | undefined
  /** The way for what has left HTTP; `undefined` before it has taken over, and as above. */
  upgrades: UpgradeMigration | undefined
  readonly #system: System
  readonly #child: Child
  readonly #channel: Channel<ToSuccessor, ToPredecessor>
  readonly #escrow = new Map<string, RawListener>()
  readonly #answerOlder: (isHammered: boolean) => Promise<GenerationStatus[]>
  #settleServing!: () => void
  #version = 0
  #hasTakenOver = false
  #hasLeft = false
  #exit: Exit | undefined
  #error: ErrorReport | undefined
  #stderr = ''
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
    this.serving = new Promise((resolve) => (this.#settleServing = resolve))
    this.ready = new Promise((resolve, reject) => (this.#settle = { resolve, reject }))
    // The caller may be busy with something else when it rejects.
    this.ready.catch(() => undefined)
    this.#child = child
    this.#channel = child.channel
    this.#channel.onMessage = (message, handle) => {
      this.#receive(message, handle, passed, {
        ...welcome,
        type: 'welcome',
        version: protocolVersion,
      })
    }
    // Referenced: the process must not end while a restart is under way.
    const timer = system.setTimeout(() => {
      this.#settle.reject(
        this.#failure(
          'ERR_ENDLESS_READY_TIMEOUT',
          `was not ready after ${String(readyTimeoutMs)} ms`,
        ),
      )
    }, readyTimeoutMs)
    this.exited = this.#watchExit()
    void this.exited.then((error) => {
      this.#settle.reject(error)
      this.#settleServing()
      this.upgrades?.abort()
    })
    this.ready.finally(() => clearTimeout(timer)).catch(() => undefined)
  }

  /** Unknown until it has been started. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Whether it has been told to accept, at the moment when this process stopped. */
  get hasTakenOver(): boolean {
    return this.#hasTakenOver
  }

  /** Whether somebody else answers for the service if it dies. */
  get hasLeft(): boolean {
    return this.#hasLeft
  }

  /** Tells it to accept, so long after the restart was asked for. Rejects if it is gone. */
  takeOver(afterMs: number): Promise<void> {
    this.#hasTakenOver = true
    if (this.#version === protocolVersion) {
      this.upgrades = new UpgradeMigration((message, handle) => this.#channel.send(message, handle))
    } else {
      // Another version may not tell.
      this.#settleServing()
    }
    return this.#channel.send({ type: 'taken-over', afterMs })
  }

  /** Ends it: asks first, then kills. Settles when it is gone. */
  async stop(): Promise<void> {
    this.signal('SIGTERM')
    // Referenced: whoever stops a successor waits for that.
    const timer = this.#system.setTimeout(() => {
      this.signal('SIGKILL')
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
    const handle = this.#escrow.get(bound)
    this.#escrow.delete(bound)
    return handle
  }

  /** Gives up taking over again: whoever shuts this process down now means it. */
  closeEscrow(): void {
    for (const handle of this.#escrow.values()) handle.close()
    this.#escrow.clear()
    this.#hasLeft = true
  }

  /** Lets this process end while the successor lives on. */
  release(): void {
    this.#child.release()
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
        this.#error = message.error
        break
      case 'stderr':
        this.#stderr = (this.#stderr + message.text).slice(-16_384)
        break
      case 'escrow':
        // Never listened on, it only keeps the socket and its queue alive.
        if (given && this.#hasLeft) given.close()
        else if (given) this.#escrow.set(formatAddress(message.bound), given as RawListener)
        break
      case 'released':
        this.takeEscrow(message.bound)?.close()
        break
      case 'ready':
        this.pidFile = message.pidFile
        if (this.#version === protocolVersion) this.migration = this.#openMigration(message.adopts)
        this.#settle.resolve()
        break
      case 'adopted':
        this.migration?.adopted(message.id)
        break
      case 'declined':
        this.migration?.declined(message.id)
        break
      case 'upgrade-adopted':
      case 'upgrade-declined':
        this.upgrades?.answered(message.id, message.type === 'upgrade-adopted')
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
        this.migration?.close()
        this.upgrades?.close()
        this.closeEscrow()
        break
      case 'succeeded':
        this.closeEscrow()
        break
      default:
        message satisfies never
    }
  }

  #openMigration(adopts: readonly string[]): Migration {
    return new Migration(this.#system, adopts, (message, handle) =>
      this.#channel.send(message, handle),
    )
  }

  #send(message: ToSuccessor, handle?: RawListener): void {
    // A successor that cannot be reached has exited or will: that is where it is reported.
    this.#channel.send(message, handle).catch(() => undefined)
  }

  async #watchExit(): Promise<EndlessError> {
    try {
      this.#exit = await this.#child.exit
    } catch (error) {
      return spawnFailed(error)
    }
    await this.#lastWords()
    const { code, signal } = this.#exit
    return this.#failure(
      'ERR_ENDLESS_SUCCESSOR_EXITED',
      (signal === null ? `exited with code ${String(code)}` : `was ended by ${signal}`) +
        ` ${this.#hasTakenOver ? 'after' : 'before'} it had taken over`,
    )
  }

  /** The exit is reported on another way than messages, which may be late. */
  async #lastWords(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = this.#system.setTimeout(resolve, lastWordsMs)
    })
    await Promise.race([this.#channel.closed, late])
    clearTimeout(timer)
  }

  #failure(
    code: 'ERR_ENDLESS_SUCCESSOR_EXITED' | 'ERR_ENDLESS_READY_TIMEOUT',
    whatItDid: string,
  ): EndlessError {
    const stderr = this.#stderr
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-keptLines)
    // What endless itself has logged there ("serving …") is no reason.
    const complaint = stderr.filter((line) => !line.startsWith('[endless ')).at(-1)
    const reason = this.#error ? `${this.#error.name}: ${this.#error.message}` : complaint
    return new EndlessError(
      code,
      `The successor (pid ${String(this.pid)}) ${whatItDid}` +
        `${reason === undefined ? '' : `: ${reason}`}. ` +
        `This generation serves ${this.#hasTakenOver ? 'again' : 'on'}.`,
      {
        pid: this.pid,
        exitCode: this.#exit?.code ?? null,
        signal: this.#exit?.signal ?? null,
        stderr,
        ...(this.#error && { cause: reviveError(this.#error) }),
      },
    )
  }
}

export function spawnFailed(cause: unknown): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_SPAWN_FAILED',
    `Could not start the successor: ${messageOf(cause)}. This generation serves on.`,
    { cause },
  )
}

function reviveError({ name, message, stack, code }: ErrorReport): Error {
  return Object.assign(new Error(message), { name, stack, ...(code !== undefined && { code }) })
}
