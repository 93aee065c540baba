/**
 * Calls back after a time, unless it is cleared. After a stall of this process the response may have arrived, unread:
 * timers run before the sockets are looked at, so the limit is not over until they have been.
 */
export class TimeLimit {
  readonly #timer: NodeJS.Timeout
  #immediate: NodeJS.Immediate | undefined

  constructor(durationMs: number, onOver: () => void) {
    this.#timer = setTimeout(() => {
      this.#immediate = setImmediate(onOver)
    }, durationMs)
  }

  clear(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
  }
}
