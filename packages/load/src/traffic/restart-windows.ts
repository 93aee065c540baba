import { deferred, type WaitOptions, withDeadline } from '../program/until.js'

/** One restart as its clients saw it; `atMs` is in milliseconds since `start()`. */
export interface RestartTiming {
  atMs: number
  /** The first new process that answered after the mark; undefined until then. */
  pid?: number
  /** From the mark to the first answer of `pid`. */
  firstAnswerAfterMs?: number
}

interface Window {
  beganMs: number
  endsMs: number
  knownPids: ReadonlySet<number>
  timing: RestartTiming
  settled: Promise<undefined>
  settle: (value: undefined) => void
}

/**
 * Decides which requests met a restart. A window opens at a mark, and closes `settleMs` after the first
 * answer of a pid that has never answered before.
 */
export class RestartWindows {
  readonly #settleMs: number
  readonly #pids = new Set<number>()
  readonly #windows: Window[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(settleMs: number) {
    this.#settleMs = settleMs
  }

  get timings(): RestartTiming[] {
    return this.#windows.map(({ timing }) => ({ ...timing }))
  }

  mark(nowMs: number): void {
    if (this.#pids.size === 0) {
      throw new Error('cannot mark a restart: no process has answered yet, so no pid would be new')
    }
    this.#close(nowMs)
    const { promise: settled, resolve: settle } = deferred<undefined>()
    this.#windows.push({
      beganMs: nowMs,
      endsMs: Infinity,
      knownPids: new Set(this.#pids),
      timing: { atMs: nowMs },
      settled,
      settle,
    })
  }

  answered(pid: number, nowMs: number): void {
    const window = this.#windows.at(-1)
    this.#pids.add(pid)
    if (!window || window.timing.pid !== undefined || window.knownPids.has(pid)) return
    window.timing.pid = pid
    window.timing.firstAnswerAfterMs = nowMs - window.beganMs
    window.endsMs = nowMs + this.#settleMs
    this.#timer = setTimeout(window.settle, this.#settleMs, undefined)
  }

  /** Whether any part of the span lies in a window. */
  meets(fromMs: number, toMs: number): boolean {
    return this.#windows.some(({ beganMs, endsMs }) => beganMs <= toMs && endsMs >= fromMs)
  }

  /** Resolves with the last restart when its window closes. */
  async settled(wait: WaitOptions): Promise<RestartTiming> {
    const window = this.#windows.at(-1)
    if (!window) throw new Error(`${wait.step}: no restart was marked`)
    await withDeadline(window.settled, {
      ...wait,
      explain: () =>
        window.timing.pid === undefined ? 'no new pid has answered' : 'the window is still open',
    })
    return { ...window.timing }
  }

  stop(nowMs: number): void {
    this.#close(nowMs)
  }

  #close(nowMs: number): void {
    clearTimeout(this.#timer)
    const window = this.#windows.at(-1)
    if (!window) return
    window.endsMs = Math.min(window.endsMs, nowMs)
    window.settle(undefined)
  }
}
