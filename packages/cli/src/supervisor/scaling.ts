import {
  EndlessError,
  type Logger,
  messageOf,
  mostWorkers,
  type SpawnRequest,
} from '@endless/core/for-cli'
import type { Slot } from './slot.js'
import type { Slots } from './slots.js'
import type { Turns } from './turns.js'

/** What {@link Scaling} needs from the supervisor. */
interface ScalingHost {
  readonly logger: Logger
  readonly slots: Slots
  readonly turns: Turns
  /** Returns how many workers there are to be. */
  workers(): number
  /** Returns how to start a worker; `undefined` while there is nothing beside which it could serve. */
  launch(): SpawnRequest | undefined
  /** Adds a slot. */
  add(): Slot
  /** Called when another number of workers is to serve from now on. */
  changed(workers: number): void
}

/** Changes how many workers serve, while they do. */
export class Scaling {
  readonly #host: ScalingHost

  constructor(host: ScalingHost) {
    this.#host = host
  }

  /**
   * Resolves when so many workers serve, and those that go have been told.
   *
   * @throws (rejects) with the reason if a new one does not serve; there are as many as before then
   */
  to(workers: number): Promise<void> {
    return this.#host.turns.take(() => this.#to(workers))
  }

  /** Adds so many workers, or takes them away; does nothing beyond what a service can have. */
  async by(step: number): Promise<void> {
    try {
      await this.#host.turns.take(async () => {
        // Not before: another change may have been under way.
        const workers = this.#host.workers() + step
        if (workers >= 1 && workers <= mostWorkers) await this.#to(workers)
      })
    } catch (error) {
      this.#host.logger.warn(messageOf(error))
    }
  }

  async #to(workers: number): Promise<void> {
    const { slots } = this.#host
    // The others would start what may be rolled back. A roll has a turn of its own.
    await slots.first?.untilSettled()
    const launch = this.#host.launch()
    const [example] = slots.serving
    if (!launch || !example) throw refusal('the service does not serve')
    // They may all be starting anew, and those that serve would be the ones that go.
    const isServed = slots.staying.slice(0, workers).some(({ current }) => current)
    if (!isServed) throw refusal('none of those that would stay serves')
    const added: Slot[] = []
    this.#host.changed(workers)
    try {
      while (slots.staying.length < workers) {
        const slot = this.#host.add()
        added.push(slot)
        await slot.join(launch, example.readyTimeoutMs)
      }
    } catch (error) {
      for (const slot of added) slot.leave()
      this.#host.changed(slots.staying.length)
      throw error
    }
    for (const slot of slots.staying.slice(workers)) slot.leave()
  }
}

function refusal(why: string): EndlessError {
  return new EndlessError('ERR_ENDLESS_NOT_RUNNING', `Cannot change the number of workers: ${why}.`)
}
