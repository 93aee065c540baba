import type { ChildProcess } from 'node:child_process'
import {
  deferred,
  type Deferred,
  type FromSupervisor,
  LastWords,
  late,
  type Load,
  type RawHandle,
  type SpawnRequest,
  type ToSupervisor,
  turns,
  within,
} from '@endless/core/for-cli'
import type { Death } from './death.js'
import { Escrow } from './escrow.js'
import { Line } from './line.js'
import type { Probation } from './probation.js'

// A generation, seen from its supervisor.

/** Paths that a generation asks for. */
export interface WantedPaths {
  pidFile?: string | undefined
  control?: string | undefined
  /** The user that asked, if it is another than ours: the paths are not touched. */
  refusedTo?: string | undefined
}

/** How long the line may stay open after the process has ended, and the process live without its line. */
const lastWordsMs = 1_000

/** One generation: its process, the line to it, and copies of its sockets. */
export class Generation {
  readonly launch: SpawnRequest
  readonly pid: number
  readonly startedMs: number
  readonly escrow = new Escrow()
  /** What it reports about its own death. */
  readonly lastWords = new LastWords()
  /** Resolves when its process has ended and nothing more comes over its line. */
  readonly ended: Promise<Death>
  /** Resolves when it first reports that it serves: then pid file and control socket lead to it, too. */
  readonly serving = deferred()
  /** Place in the chain; final once it is welcomed. */
  number: number
  /** Neighbours in the chain, while they live. */
  predecessor: Generation | undefined
  successor: Generation | undefined
  /** Its probation, under way or over; `undefined` if it had none. */
  probation: Probation | undefined
  /** The predecessor that serves again, to which it returns its open connections. */
  rolledBackBy: Generation | undefined
  /** When it was told that it is rolled back, and what settles when it reacts; `undefined` before. */
  returning: { readonly toldMs: number; readonly reacted: Deferred<void> } | undefined
  /** Successors in whose place it serves again, by pid, as long as they live. */
  readonly rolledBack = new Map<number, Generation>()
  /** Whether it has said hello: before that, Node would drop messages to it. */
  hasSaidHello = false
  /** Whether it takes UDP sockets: one of another version may not. */
  takesUdp = false
  /** Whether it has been sent all that it inherits. */
  isWelcomed = false
  isReady = false
  /** Whether a generation started it as its successor. */
  isRestart = false
  /** Whether it must not serve yet: an older generation may serve again. See {@link Heir}. */
  isHeld = false
  /**
   * Its user, if it was ever seen to be another than ours. It stays so: such a process may become one of
   * ours again, by a setuid program that it runs in its place.
   */
  otherUser: string | undefined
  /** Paths that the application wants for pid file and control socket; known once it is ready. */
  wanted: WantedPaths = {}
  /** Boot limit of its replacement; `undefined` before it is ready, or if it does not report one. */
  readyTimeoutMs: number | undefined
  /** How long it stays behind after a restart, if that says nothing of it; `undefined` before it is ready. */
  probationMs: number | undefined
  /** Whether it shuts down, so that it is not replaced when it ends. */
  hasLeft = false
  /** Whether it may still begin to serve by itself. */
  isHopeful = true
  /** Whether it took so long to report that the supervisor no longer waits for it to serve again. */
  isGivenUp = false
  /** What it last said of its load. */
  load: Load | undefined
  /** Whether it was asked for its load, and has not said it since: then its event loop does not turn. */
  owesLoad = false
  /** When it began to serve; `undefined` before. */
  servingSinceMs: number | undefined
  /** When its successor was told to serve in its place; `undefined` if none was, or it serves again. */
  handedOverMs: number | undefined
  #hasEnded = false
  readonly #child: ChildProcess
  readonly #line: Line

  constructor(
    child: ChildProcess & { pid: number },
    facts: { launch: SpawnRequest; number: number; nowMs: number },
    onMessage: (message: ToSupervisor, handle: RawHandle | undefined) => void,
    onGarbage: (reason: unknown) => void,
    onUnread: () => void,
  ) {
    this.#child = child
    this.pid = child.pid
    this.launch = facts.launch
    this.number = facts.number
    this.startedMs = facts.nowMs
    const receive = (message: ToSupervisor, handle: RawHandle | undefined): void => {
      // Its end has been handled: what it still asks for, as a successor, would be nobody's.
      if (this.#hasEnded) handle?.close()
      else onMessage(message, handle)
    }
    this.#line = new Line(child, receive, onGarbage, onUnread)
    this.ended = this.#watchEnd()
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Signals it unless it has ended: until this process has reaped it, no other process gets its pid. */
  signal(signal: NodeJS.Signals): void {
    const { exitCode, signalCode } = this.#child
    if (exitCode === null && signalCode === null) this.#child.kill(signal)
  }

  /** Sends a message, as {@link Line.send} does. */
  send(message: FromSupervisor, handle?: RawHandle): Promise<boolean> {
    return this.#line.send(message, handle)
  }

  async #watchEnd(): Promise<Death> {
    const exit = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()))
    // Without its line, a generation can neither hand over nor be asked anything.
    void this.#line.closed.then(() => this.#endWithin(exit, lastWordsMs))
    await exit
    // Its last messages and the event 'exit' take different ways, so the messages may come later.
    // If this process stood still, the timer is first, and the messages wait in the kernel.
    if ((await within(this.#line.closed, lastWordsMs)) === late) await turns(2)
    this.#hasEnded = true
    const { exitCode: code, signalCode: signal } = this.#child
    this.lastWords.exited({ code, signal })
    const { error, complaints: stderr } = this.lastWords
    return { code, signal, error, stderr }
  }

  async #endWithin(exit: Promise<void>, timeMs: number): Promise<void> {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await within(exit, timeMs)
      this.signal(signal)
    }
  }
}
