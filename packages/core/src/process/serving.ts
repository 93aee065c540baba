import type { EndlessError } from '../api/endless-error.js'
import type { Takeover } from '../handoff/protocol.js'
import { formatAddress, type UnixAddress } from '../listeners/address.js'
import type { Parts } from './parts/parts.js'
import { Readiness, type ReadinessHost } from './readiness.js'

/** Makes the process serve, once all its servers are ready and no other process accepts. */
export class Serving {
  readonly #parts: Parts
  #readiness: Readiness

  constructor(parts: Parts) {
    this.#parts = parts
    this.#readiness = this.#createReadiness()
    void parts.ancestry.predecessor?.takenOver.then((takeover) => {
      this.#takeOver(takeover)
    })
    void parts.ancestry.supervisor?.gone.then(() => {
      const { state } = parts.lifecycle
      if (state === 'running' || state === 'restarting') {
        void this.#publish(parts.ancestry.predecessor?.control)
      }
    })
  }

  get readiness(): Readiness {
    return this.#readiness
  }

  /** Starts over: a server listens again after all had terminated. */
  beginAnew(): void {
    this.#readiness = this.#createReadiness()
  }

  /** Accepts: the predecessor has stopped accepting, or is gone. */
  #takeOver({ afterMs, dropped }: Takeover): void {
    const { ancestry, record, servers, system } = this.#parts
    const { number } = ancestry
    if (number > 0) record.takenOver({ number, pid: system.pid, durationMs: afterMs, dropped })
    for (const server of servers) server.accept()
    if (this.#readiness.isReady) this.#serve()
  }

  /**
   * Serves again: the successor that had taken over is gone or was rolled back, and the servers listen already.
   * Settles when pid file and control socket lead here.
   *
   * @param control where the control socket of that successor is bound
   */
  again(control: UnixAddress | undefined): Promise<void> {
    const { ancestry, servers } = this.#parts
    ancestry.predecessor?.deposit(servers.passable)
    return this.#announce(control)
  }

  #createReadiness(): Readiness {
    const host = readinessHost(this.#parts, () => {
      this.#ready()
    })
    return new Readiness(this.#parts.system, host)
  }

  #ready(): void {
    const { ancestry, launcher, servers, settings, whereabouts } = this.#parts
    launcher.bootEnded()
    // Even if the predecessor is gone: a supervisor needs the copies and the report.
    ancestry.predecessor?.deposit(servers.passable)
    if (!ancestry.mayAccept && !this.#prepare()) return
    ancestry.predecessor?.reportReady({
      adopts: servers.adopting,
      serves: servers.addresses,
      allowsAddressChange: settings.current.allowAddressChange,
      ...whereabouts.paths,
    })
    if (ancestry.mayAccept) this.#serve()
  }

  /**
   * Prepares the pid file; returns whether this process may take over. If the file cannot be written, it
   * would name a dead process after the restart, so the predecessor keeps serving.
   */
  #prepare(): boolean {
    const { ancestry, whereabouts } = this.#parts
    // A supervisor keeps its own pid file.
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
    this.#giveUpUnclaimed()
    void this.#announce(ancestry.predecessor?.control)
  }

  #giveUpUnclaimed(): void {
    const { ancestry, settings } = this.#parts
    const names = unclaimedNames(ancestry)
    if (names !== '') {
      settings.logger.warn(
        `Nothing has listened on ${names} in this generation: closed from now on.`,
      )
    }
    ancestry.held?.giveUp()
  }

  /** Announces that this process serves. */
  #announce(other: UnixAddress | undefined): Promise<void> {
    const { ancestry, events } = this.#parts
    ancestry.supervisor?.reportServing()
    // A supervisor writes its own pid to the file, and answers on the control socket in our place.
    const published = ancestry.isSupervised ? Promise.resolve() : this.#publish(other)
    events.emit('ready')
    return published
  }

  /** @param other the control socket of the generation in whose place this one serves */
  async #publish(other: UnixAddress | undefined): Promise<void> {
    const { ancestry, whereabouts } = this.#parts
    await whereabouts.publish(other)
    ancestry.predecessor?.reportServing(whereabouts.bound)
  }
}

/** Creates what {@link Readiness} needs. Getters: options and claims change while the process boots. */
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
    awaits(graceMs) {
      settings.logger.info(
        `nothing listens on ${unclaimedNames(ancestry)} yet in this generation: ` +
          `waits up to ${String(graceMs / 1_000)} s for that (unclaimedGraceMs)`,
      )
    },
    ready,
  }
}

/** Returns the sockets that nothing has claimed, for a log: `127.0.0.1:3000, 127.0.0.1:3001 (admin)`. */
function unclaimedNames({ held }: Parts['ancestry']): string {
  const names = held?.unclaimed.map(
    ({ bound, name }) => formatAddress(bound) + (name === undefined ? '' : ` (${name})`),
  )
  return names?.join(', ') ?? ''
}
