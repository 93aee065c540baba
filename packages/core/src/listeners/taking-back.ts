import { messageOf } from '../api/endless-error.js'
import type { Logger } from '../api/logger.js'
import type { Timers } from '../node/waits.js'

const firstDelayMs = 50
const longestDelayMs = 1_000

/** What {@link TakingBack} needs from the server that listens again. */
export interface TakingBackHost {
  readonly timers: Timers
  readonly logger: Logger
  /** Address of the server: `127.0.0.1:3000`. */
  readonly bound: string
  /** Tries once to listen; calls back with the error, or without one when the server listens. */
  attempt(settled: (error?: Error) => void): void
  /** Called once: when the server listens, or when `end` gave up. */
  done(isListening: boolean): void
}

/**
 * Makes a server listen again after its successor has died. Another process may hold the address for a
 * while longer, so it tries until it succeeds: a server that does not listen serves nobody.
 */
export class TakingBack {
  readonly #host: TakingBackHost
  #delayMs = firstDelayMs
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(host: TakingBackHost) {
    this.#host = host
  }

  begin(): void {
    this.#host.attempt((error) => {
      if (this.#isOver) return
      if (error) this.#tryLater(error)
      else this.#settle(true)
    })
  }

  /** Gives up: the server listens elsewhere, or ends. */
  end(): void {
    if (!this.#isOver) this.#settle(false)
  }

  #tryLater(error: Error): void {
    const { bound, logger, timers } = this.#host
    if (this.#delayMs === firstDelayMs) {
      logger.error(
        `Cannot listen on ${bound} again: ${messageOf(error)}. Trying until it succeeds.`,
      )
    }
    // Referenced: without a listening socket nothing else may keep this process alive.
    this.#timer = timers.setTimeout(() => {
      this.begin()
    }, this.#delayMs)
    this.#delayMs = Math.min(2 * this.#delayMs, longestDelayMs)
  }

  #settle(isListening: boolean): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#host.done(isListening)
  }
}
