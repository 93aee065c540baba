import type { RawListener } from '../internals.js'
import { formatAddress, type ListenTarget } from '../listeners/address.js'
import { HeldListeners } from '../listeners/held.js'
import { inheritanceKey, type HeldListener, type Inheritance } from './protocol.js'

// The successor's half of a handoff; predecessor.ts is the other.

/** What this process has from its predecessor; the preload has received it. */
export class Predecessor {
  readonly generation: number
  /** Its working directory as the user named it. */
  readonly directory: string
  readonly #inheritance: Inheritance
  readonly #held: HeldListeners
  readonly #claimed: string[] = []
  #hasTakenOver = false
  #hasGivenUp = false

  /** Calls back once, when this process may accept: told so, or because the predecessor is gone. */
  constructor(inheritance: Inheritance, onTakeOver: () => void) {
    this.#inheritance = inheritance
    this.#held = new HeldListeners(inheritance.held)
    this.generation = inheritance.welcome.generation
    this.directory = inheritance.welcome.directory
    const takeOver = (): void => {
      if (this.#hasTakenOver) return
      this.#hasTakenOver = true
      inheritance.channel.unref()
      inheritance.stopReporting()
      onTakeOver()
    }
    inheritance.channel.onMessage = (message) => {
      if (message.type === 'taken-over') takeOver()
    }
    void inheritance.channel.closed.then(takeOver)
  }

  get hasTakenOver(): boolean {
    return this.#hasTakenOver
  }

  get unclaimed(): readonly HeldListener[] {
    return this.#hasGivenUp ? [] : this.#held.unclaimed
  }

  claim(target: ListenTarget): { handle: RawListener; ticketKeys: Buffer | undefined } | undefined {
    if (this.#hasGivenUp) return undefined
    // A handle whose listen is deferred keeps nothing alive; the channel must, until it accepts.
    if (!this.#hasTakenOver) this.#inheritance.channel.ref()
    const held = this.#held.claim(target)
    if (!held) return undefined
    this.#claimed.push(held.asked)
    const keys = this.#inheritance.welcome.ticketKeys[formatAddress(held.bound)]
    return { handle: held.handle, ticketKeys: keys ? Buffer.from(keys, 'base64') : undefined }
  }

  hasPort(port: number): boolean {
    return !this.#hasGivenUp && this.#held.hasPort(port)
  }

  /**
   * Closes what nobody has claimed: connections must be refused there, not wait for ever. Call when
   * this process serves; one whose predecessor has died may still have to listen.
   */
  giveUpUnclaimed(): void {
    for (const { handle } of this.unclaimed) handle.close()
    this.#hasGivenUp = true
  }

  reportReady(pidFile: string | undefined): void {
    // A predecessor that is gone needs no report: its going was the permission to accept.
    const ready = { type: 'ready', claimed: this.#claimed, pidFile } as const
    this.#inheritance.channel.send(ready).catch(() => undefined)
  }
}

/** Takes what the preload left; `undefined` in generation 0. */
export function takeInheritance(): Inheritance | undefined {
  const inheritance = (globalThis as Record<symbol, unknown>)[inheritanceKey]
  Reflect.deleteProperty(globalThis, inheritanceKey)
  return inheritance as Inheritance | undefined
}
