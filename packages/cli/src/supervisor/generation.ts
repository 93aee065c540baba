import type { ChildProcess } from 'node:child_process'
import {
  type FromSupervisor,
  LastWords,
  type RawHandle,
  type SpawnRequest,
  type ToSupervisor,
  within,
} from '@endless/core/for-cli'
import type { Death } from './death.js'
import { Escrow } from './escrow.js'
import { Line } from './line.js'

/** How long the end of the line may come after the end of the process, and the other way round. */
const lastWordsMs = 1_000

/** One generation, as its supervisor has it: a process, the line to it, and its sockets. */
export class Generation {
  readonly launch: SpawnRequest
  readonly pid: number
  readonly startedMs: number
  readonly escrow = new Escrow()
  /** What it reports about its own end. */
  readonly lastWords = new LastWords()
  /** Settles when it is gone and nothing more comes from it. */
  readonly ended: Promise<Death>
  /** Counted along the chain; known when it is welcomed. */
  number: number
  /** Those that it gives to, or has from, while they live. */
  predecessor: Generation | undefined
  successor: Generation | undefined
  /** Whether it has said hello, and so can be spoken to. */
  hasSaidHello = false
  /** Whether it has been told everything that it inherits. */
  isWelcomed = false
  isReady = false
  /** Where the application wants the pid and the control socket of the service, since it is ready. */
  wanted: { pidFile?: string | undefined; control?: string | undefined } = {}
  /** How long what takes its place may boot, since it is ready; `undefined` if it does not tell. */
  readyTimeoutMs: number | undefined
  /** Whether it shuts down: nobody takes its place when it ends. */
  hasLeft = false
  /** Whether it may still begin to serve by itself. */
  isHopeful = true
  /** Whether it was asked to take over again, and has taken too long to answer. */
  isGivenUp = false
  /** Since when it serves; `undefined` before. */
  servingSinceMs: number | undefined
  #hasEnded = false
  readonly #child: ChildProcess
  readonly #line: Line

  constructor(
    child: ChildProcess & { pid: number },
    facts: { launch: SpawnRequest; number: number; nowMs: number },
    onMessage: (message: ToSupervisor, handle: RawHandle | undefined) => void,
    onGarbage: (reason: unknown) => void,
  ) {
    this.#child = child
    this.pid = child.pid
    this.launch = facts.launch
    this.number = facts.number
    this.startedMs = facts.nowMs
    this.#line = new Line(child, onMessage, onGarbage)
    this.ended = this.#watchEnd()
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Signals it, unless it is gone: its pid is ours until we have heard of its end. */
  signal(signal: NodeJS.Signals): void {
    const { exitCode, signalCode } = this.#child
    if (exitCode === null && signalCode === null) this.#child.kill(signal)
  }

  /** As {@link Line.send}. */
  send(message: FromSupervisor, handle?: RawHandle): Promise<boolean> {
    return this.#line.send(message, handle)
  }

  async #watchEnd(): Promise<Death> {
    const exit = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()))
    // Without the line it can neither hand over nor be asked anything.
    void this.#line.closed.then(() => this.#endWithin(exit, lastWordsMs))
    await exit
    // Its last messages are on another way than the news of its end, and may be late.
    await within(this.#line.closed, lastWordsMs)
    this.#hasEnded = true
    const { exitCode: code, signalCode: signal } = this.#child
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
