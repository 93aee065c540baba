import { durationOf } from '../api/duration.js'
import type { EndlessError } from '../api/endless-error.js'
import { generationName } from '../api/generation-name.js'
import { parentLives } from '../handoff/living-parent.js'
import type { Takeover } from '../handoff/protocol.js'
import type { UnixAddress } from '../listeners/address.js'
import { finiteMs } from './probation.js'
import { backgroundNotice, ownName, servesNotice, unclaimedNames } from './notices.js'
import type { Parts } from './parts/parts.js'
import { Readiness, type ReadinessHost } from './readiness.js'

/** Makes the process serve, once all its servers are ready and no other process accepts. */
export class Serving {
  readonly #parts: Parts
  #readiness: Readiness
  /** When this process was told to accept; `undefined` before. */
  #takenOverMs: number | undefined
  /** Addresses that refuse since then, as far as the predecessor said. */
  #dropped: string[] | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.#readiness = this.#createReadiness()
    void parts.ancestry.predecessor?.takenOver.then((takeover) => {
      this.#takeOver(takeover)
    })
    void parts.ancestry.predecessor?.gone.then(() => {
      this.#predecessorGone()
    })
    void parts.ancestry.supervisor?.gone.then(() => this.#supervisorGone())
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
    this.#takenOverMs = system.now()
    this.#dropped = dropped
    if (number > 0) record.takenOver({ number, pid: system.pid, durationMs: afterMs, dropped })
    for (const server of servers) server.accept()
    for (const socket of servers.udpSockets) socket.read()
    if (this.#readiness.isReady) this.#serve()
  }

  /**
   * Serves again: the successor that had taken over is gone or was rolled back, and the servers listen already.
   * Settles when pid file and control socket lead here.
   *
   * @param control where the control socket of that successor is bound
   */
  again(control: () => UnixAddress | undefined): Promise<void> {
    const { ancestry, servers, settings } = this.#parts
    ancestry.predecessor?.reportTakenBack()
    ancestry.predecessor?.deposit(servers.passable)
    settings.logger.info(`${servesNotice(this.#parts)} again`)
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
      probationMs: finiteMs(settings.current.probationMs),
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
    const { ancestry, lifecycle, settings, system } = this.#parts
    lifecycle.apply('serve')
    settings.logger.info(servesNotice(this.#parts) + backgroundNotice(this.#parts))
    ancestry.serviceManager?.serving(ancestry.number, system.pid)
    this.#giveUpUnclaimed()
    if (ancestry.number > 0) ancestry.predecessor?.limit(settings.current.maxGenerations - 1)
    void this.#announce(() => ancestry.predecessor?.control)
  }

  #giveUpUnclaimed(): void {
    const { ancestry, settings } = this.#parts
    // The predecessor knows better: a path that was bound anew is not dropped.
    const names = this.#dropped ?? unclaimedNames(ancestry)
    if (names.length > 0) settings.logger.warn(`Nothing listens on ${names.join(', ')} any more.`)
    ancestry.held?.giveUp()
  }

  /** Announces that this process serves. */
  #announce(other: () => UnixAddress | undefined): Promise<void> {
    const { ancestry, events } = this.#parts
    ancestry.supervisor?.reportServing()
    // A supervisor writes its own pid to the file, and answers on the control socket in our place.
    const published = ancestry.isSupervised ? Promise.resolve() : this.#publish(other)
    events.emit('ready')
    return published
  }

  /** Tells that the predecessor is gone; a supervisor, which also knows how it ended, does so itself. */
  #predecessorGone(): void {
    const { ancestry, settings, system } = this.#parts
    const { number, predecessor, supervisor } = ancestry
    if (supervisor || !predecessor) return
    const name = generationName({ number: number - 1, pid: predecessor.pid })
    if (this.#takenOverMs === undefined) {
      settings.logger.warn(`${name} has gone without handing over`)
    } else {
      const durationMs = system.now() - this.#takenOverMs
      settings.logger.info(`${name} has gone after ${durationOf(durationMs)}`)
    }
  }

  async #supervisorGone(): Promise<void> {
    const { ancestry, lifecycle, settings, system } = this.#parts
    // If the line alone has ended, the supervisor still shows where the service is, and ends this process.
    if (await parentLives(system, system.ppid)) return
    const { state } = lifecycle
    if (state !== 'init' && state !== 'running' && state !== 'restarting') return
    const name = generationName(ownName(this.#parts))
    settings.logger.warn(`The supervisor is gone: nothing replaces ${name} if it dies.`)
    if (state !== 'init') await this.#publish(() => ancestry.predecessor?.control)
  }

  /** @param other the control socket of the generation in whose place this one serves */
  async #publish(other: () => UnixAddress | undefined): Promise<void> {
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
      return unclaimedNames(ancestry)
    },
    isSuccessor: ancestry.number > 0,
    get logger() {
      return settings.logger
    },
    ready,
  }
}
