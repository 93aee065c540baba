import type net from 'node:net'
import type { System } from '../node/system.js'
import { deferred, late, turns, within } from '../node/waits.js'
import { claim, type Verdict, verdicts } from './heir-line.js'

/** How long the older end may take. An event loop that is blocked for longer could not serve either. */
const verdictMs = 3_000

/**
 * The end of the younger generation: asks the older one whether that serves again, when the generation
 * between them has died. heir-line.ts is the other end.
 */
export class FallbackLine {
  readonly #socket: net.Socket
  readonly #system: Pick<System, 'openSocket' | 'setTimeout'>
  readonly #verdict = deferred<Verdict>()

  /**
   * @param fd the descriptor of the line, which this process inherited
   * @param end the verdict if the line ends without one
   */
  constructor(fd: number, end: Verdict, system: Pick<System, 'openSocket' | 'setTimeout'>) {
    this.#system = system
    this.#socket = system
      .openSocket(fd)
      .on('error', () => undefined) // 'close' follows
      .on('data', (bytes: Buffer) => {
        this.#verdict.resolve(bytes.includes(verdicts.serving) ? 'serving' : 'not-serving')
      })
      .on('close', () => {
        this.#verdict.resolve(end)
      })
      .unref()
  }

  /** Waits for the verdict; if none comes in time, this process may {@link claim} the service. */
  async ask(): Promise<Verdict> {
    const verdict = await within(this.#verdict.promise, verdictMs, this.#system)
    if (verdict !== late) return verdict
    // If this process was blocked, the timer is first, and the verdict waits in the kernel.
    return Promise.race([this.#verdict.promise, turns(2).then(() => 'not-serving' as const)])
  }

  /**
   * Says that this process serves, and closes the line. The older generation reads it before it decides: it may be
   * blocked, and hear of all that has happened when the generation between them is gone already.
   */
  claim(): void {
    this.#socket.end(claim, () => this.#socket.destroy())
  }
}
