import type { Logger } from '@endless/core/supervision'
import { BackOff } from './back-off.js'

/** The start of another generation in the place of a dead one: at most one is due. */
export class Replacement {
  readonly #logger: Logger
  readonly #backOff = new BackOff()
  #timer: NodeJS.Timeout | undefined

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /**
   * Has it started, at once or later if generations die again and again.
   *
   * @param servedMs for how long the one that died had served; 0: never
   */
  schedule(servedMs: number, start: () => void): void {
    if (this.#timer) return
    const delayMs = this.#backOff.next(servedMs)
    this.#logger.info(
      delayMs === 0 ? 'starting it again' : `starting it again in ${String(delayMs)} ms`,
    )
    // Referenced: while nothing runs, it alone keeps this process alive.
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      start()
    }, delayMs)
  }

  cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
