import net from 'node:net'
import { deferred, late, type Timers, within } from '../node/waits.js'
import { claim, type Verdict, verdicts } from './heir-line.js'

/** How long the older end may take. An event loop that is blocked for longer could not serve either. */
const verdictMs = 3_000

/**
 * The end of the younger generation: asks the older one whether that serves again, when the generation
 * between them has died. heir-line.ts is the other end.
 */
export class FallbackLine {
  readonly #socket: net.Socket
  readonly #timers: Timers
  readonly #verdict = deferred<Verdict>()

  /** @param fd the descriptor of the line, which this process inherited */
  constructor(fd: number, timers: Timers) {
    this.#timers = timers
    this.#socket = new net.Socket({ fd, readable: true, writable: true })
      .on('error', () => undefined) // 'close' follows
      .on('data', (bytes: Buffer) => {
        this.#verdict.resolve(bytes.includes(verdicts.serving) ? 'serving' : 'not-serving')
      })
      // The older generation has exited.
      .on('close', () => {
        this.#verdict.resolve('not-serving')
      })
      .unref()
  }

  /** Waits for the verdict; claims the service if none comes in time. */
  async ask(): Promise<Verdict> {
    const verdict = await within(this.#verdict.promise, verdictMs, this.#timers)
    if (verdict !== late) return verdict
    this.#socket.write(claim)
    return 'not-serving'
  }

  close(): void {
    this.#socket.destroy()
  }
}
