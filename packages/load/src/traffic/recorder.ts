import type { Answer, Call } from './call.js'
import { Connections } from './connections.js'
import { ControlWindows } from './control-windows.js'
import type { ExchangeError } from './exchange-error.js'
import type { Failure } from './failure.js'
import { Latency } from './latency.js'
import type { ResolvedOptions } from './options.js'
import type { GenerationCount, LoadReport } from './report.js'
import { RestartWindows } from './restart-windows.js'

const FAILURES_KEPT = 1_000

/** Adds up the results of all connections. */
export class Recorder {
  readonly connections = new Connections(() => this.nowMs)
  readonly windows: RestartWindows
  readonly controls = new ControlWindows()
  readonly #identify: ResolvedOptions['identify']
  readonly #warmUpMs: number
  readonly #latency = { calm: new Latency(), control: new Latency(), restart: new Latency() }
  readonly #generations = new Map<number, GenerationCount>()
  readonly #failures: Failure[] = []
  #answered = 0
  #failed = 0
  #startedAt = performance.now()
  #stoppedAtMs: number | undefined

  constructor(options: ResolvedOptions) {
    this.#identify = options.identify
    this.#warmUpMs = options.warmUpMs
    this.windows = new RestartWindows(options.settleMs)
  }

  /** Milliseconds since `start()`. */
  get nowMs(): number {
    return performance.now() - this.#startedAt
  }

  start(): void {
    this.#startedAt = performance.now()
  }

  stop(): void {
    this.#stoppedAtMs = this.nowMs
    this.windows.stop(this.#stoppedAtMs)
  }

  /** Records an answer; returns its pid, if the answer names one. */
  answered(answer: Answer, fromMs: number): number | undefined {
    const { nowMs } = this
    this.#answered++
    const identity = this.#identify(answer)
    if (identity) {
      this.windows.answered(identity.pid, nowMs)
      this.#count(identity, nowMs)
    }
    if (fromMs >= this.#warmUpMs) this.#latencyOf(fromMs, nowMs).record(nowMs - fromMs)
    return identity?.pid
  }

  failed(
    error: ExchangeError,
    call: Call,
    { name, localPort }: { name: string; localPort: number | undefined },
    fromMs: number,
  ): void {
    const { nowMs } = this
    this.#failed++
    if (this.#failures.length === FAILURES_KEPT) return
    this.#failures.push({
      atMs: nowMs,
      kind: error.kind,
      ...(error.code === undefined ? {} : { code: error.code }),
      message: error.message,
      connection: name,
      ...(localPort === undefined ? {} : { localPort }),
      call: call.name,
      reusedSocket: error.reusedSocket,
      afterMs: nowMs - fromMs,
      inRestart: this.windows.meets(fromMs, nowMs),
    })
  }

  report(): LoadReport {
    return {
      durationMs: this.#stoppedAtMs ?? this.nowMs,
      requests: this.#answered + this.#failed,
      answered: this.#answered,
      failed: this.#failed,
      failures: [...this.#failures],
      generations: [...this.#generations.values()].map((count) => ({ ...count })),
      latency: {
        calm: this.#latency.calm.summary(),
        control: this.#latency.control.summary(),
        restart: this.#latency.restart.summary(),
      },
      connections: { ...this.connections.counts },
      closures: [...this.connections.closures],
      restarts: this.windows.timings,
    }
  }

  #latencyOf(fromMs: number, toMs: number): Latency {
    if (this.windows.meets(fromMs, toMs)) return this.#latency.restart
    return this.controls.meets(fromMs, toMs) ? this.#latency.control : this.#latency.calm
  }

  #count({ pid, generation }: { pid: number; generation?: number | undefined }, atMs: number) {
    const count = this.#generations.get(pid)
    if (count) {
      count.requests++
      count.lastAnswerAtMs = atMs
    } else {
      this.#generations.set(pid, {
        pid,
        generation,
        requests: 1,
        firstAnswerAtMs: atMs,
        lastAnswerAtMs: atMs,
      })
    }
  }
}
