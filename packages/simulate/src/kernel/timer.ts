import type { Task } from './clock.js'

/** A timer of a simulated process, as `setTimeout` returns it. Nothing depends on whether it is referenced. */
export class Timer {
  #task: Task
  #isCancelled = false

  constructor(task: Task) {
    this.#task = task
  }

  /** Goes on with another task, as an interval does. */
  go(next: () => Task): void {
    if (!this.#isCancelled) this.#task = next()
  }

  cancel(): void {
    this.#isCancelled = true
    this.#task.run = undefined
  }

  close(): this {
    this.cancel()
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  hasRef(): boolean {
    return true
  }

  refresh(): this {
    return this
  }

  [Symbol.toPrimitive](): number {
    return this.#task.order
  }

  [Symbol.dispose](): void {
    this.cancel()
  }
}
