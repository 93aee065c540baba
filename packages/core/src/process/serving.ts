import type { EndlessError } from '../api/endless-error.js'
import { formatAddress } from '../listeners/address.js'
import type { Parts } from './parts/parts.js'
import { Readiness, type ReadinessHost } from './readiness.js'

/** How a process comes to serve: when all its servers are ready, and nobody else accepts. */
export class Serving {
  readonly #parts: Parts
  #readiness: Readiness

  constructor(parts: Parts) {
    this.#parts = parts
    this.#readiness = this.#createReadiness()
    void parts.ancestry.predecessor?.takenOver.then((afterMs) => {
      this.#takeOver(afterMs)
    })
  }

  get readiness(): Readiness {
    return this.#readiness
  }

  /** A server listens again in a process whose servers had all terminated. */
  beginAnew(): void {
    this.#readiness = this.#createReadiness()
  }

  /** The predecessor has stopped accepting, or is gone. */
  #takeOver(afterMs: number | undefined): void {
    const { ancestry, record, servers, system } = this.#parts
    const { number } = ancestry
    if (number > 0) record.takenOver({ number, pid: system.pid, durationMs: afterMs })
    for (const server of servers) server.accept()
    if (this.#readiness.isReady) this.#serve()
  }

  /** A successor that had taken over is gone, and the servers listen in its place. */
  again(): void {
    const { ancestry, servers } = this.#parts
    ancestry.predecessor?.deposit(servers.passable)
    this.#announce()
  }

  #createReadiness(): Readiness {
    const host = readinessHost(this.#parts, () => {
      this.#ready()
    })
    return new Readiness(this.#parts.system, host)
  }

  #ready(): void {
    const { ancestry, launcher, servers, whereabouts } = this.#parts
    launcher.bootEnded()
    // Also when the predecessor is gone: a supervisor wants to know, and to have its copies.
    ancestry.predecessor?.deposit(servers.passable)
    if (!ancestry.mayAccept && !this.#prepare()) return
    ancestry.predecessor?.reportReady({ adopts: servers.adopting, ...whereabouts.paths })
    if (ancestry.mayAccept) this.#serve()
  }

  /** A pid file that cannot be written would name a dead process: then the predecessor serves on. */
  #prepare(): boolean {
    const { ancestry, whereabouts } = this.#parts
    // A supervisor has its own.
    if (ancestry.supervisor) return true
    try {
      whereabouts.prepare()
      return true
    } catch (error) {
      ancestry.predecessor?.refuse(error as EndlessError)
      return false
    }
  }

  #serve(): void {
    const { ancestry, lifecycle, system } = this.#parts
    lifecycle.apply('serve')
    ancestry.serviceManager?.serving(ancestry.number, system.pid)
    ancestry.held?.giveUp()
    this.#announce()
  }

  /** Tells the world that this process serves. */
  #announce(): void {
    const { ancestry, events } = this.#parts
    ancestry.supervisor?.reportServing()
    // A supervisor has its own pid there, and answers in our place.
    if (!ancestry.supervisor) void this.#publish()
    events.emit('ready')
  }

  async #publish(): Promise<void> {
    const { ancestry, whereabouts } = this.#parts
    await whereabouts.publish(ancestry.predecessor?.control)
    ancestry.predecessor?.reportServing()
  }
}

/** What readiness is made of, as of now. */
function readinessHost({ ancestry, settings }: Parts, ready: () => void): ReadinessHost {
  return {
    get mode() {
      return settings.current.ready
    },
    get unclaimedGraceMs() {
      return settings.current.unclaimedGraceMs
    },
    get unclaimed() {
      return ancestry.held?.unclaimed.length ?? 0
    },
    isSuccessor: ancestry.number > 0,
    giveUpUnclaimed() {
      const names = ancestry.held?.unclaimed.map(
        ({ bound, name }) => formatAddress(bound) + (name === undefined ? '' : ` (${name})`),
      )
      settings.logger.warn(
        `Nothing has listened on ${names?.join(', ') ?? ''} in this generation: closed from now on.`,
      )
    },
    ready,
  }
}
