import type net from 'node:net'
import { pipeSocketOf } from '../node/internals/connection-handle.js'
import type { RawHandle } from '../node/internals/raw-handle.js'
import { turns } from '../node/waits.js'

// A direct line between the two neighbours of a generation: its predecessor, which still drains, and its
// successor, which boots. It matters when the generation between them dies, since only one may serve then.
// fallback-line.ts is the other end. See docs/decisions.md, "One arbiter decides which generation serves"

/** What the older end answers: it serves again, or it will not. */
export const verdicts = { serving: 's', 'not-serving': 'n' } as const

export type Verdict = keyof typeof verdicts

/** What the younger end says when it serves itself: it was told to, or the older end has not answered in time. */
export const claim = 'c'

/** The end of the older generation, which decides. */
export class HeirLine {
  readonly #socket: net.Socket
  #isClaimed = false

  constructor(handle: RawHandle) {
    // The service does not depend on this line: its end says enough, and it must not hold the process.
    this.#socket = pipeSocketOf(handle)
      .on('error', () => undefined)
      .on('data', (bytes: Buffer) => {
        if (bytes.includes(claim)) this.#isClaimed = true
      })
      .unref()
  }

  /** Whether the younger generation serves already, since this one was too late. */
  async isClaimed(): Promise<boolean> {
    // A claim may wait in the kernel beside the news of the death: after another poll it has been read.
    await turns(2)
    return this.#isClaimed
  }

  answer(verdict: Verdict): void {
    this.#socket.end(verdicts[verdict])
  }

  close(): void {
    this.#socket.destroy()
  }
}
