import path from 'node:path'
import { type EndlessError } from '../api/endless-error.js'
import { generationName } from '../api/generation-name.js'
import { restartChannel, traced } from '../api/diagnostics.js'
import { sayIfLong } from '../api/long-wait.js'
import type { RestartOptions, RestartReport } from '../api/reports.js'
import type { GenerationStatus } from '../api/status.js'
import type { AnswerCount } from '../connections/answer-counter.js'
import type { ListedGeneration } from '../control/service.js'
import type { Successor } from '../handoff/successor.js'
import type { UnixAddress } from '../listeners/address.js'
import { clearTemporaries } from '../node/temporaries.js'
import { deferred, late, within } from '../node/waits.js'
import type { ManagedServer } from '../server/managed-server.js'
import { droppedAddresses } from './dropped-addresses.js'
import { Baseline } from './baseline.js'
import { withHolder } from './holder-notice.js'
import { cutOffNotice, ownName, probationNotice, provenNotice, unguardedNotice } from './notices.js'
import type { Parts } from './parts/parts.js'
import { diedOnProbation, finiteMs, notOnProbation, Probation, rolledBack } from './probation.js'
import { shuttingDown } from './restart-refused.js'
import type { Returning } from './returning.js'

// How a process gives way to a successor.

/** What {@link Restart} needs from the rest of the process. */
export interface RestartHost {
  /** Called when this process has stopped accepting. */
  gaveWay(): void
  /** Called when the successor accepts. */
  takenOver(): void
  /**
   * Called when the successor has died and no other process can replace it, or is rolled back. Returns whether this process
   * may serve again: not if it was asked to shut down.
   */
  takenBack(reason: EndlessError): boolean
  /**
   * Called when this process accepts again; settles when pid file and control socket lead here.
   *
   * @param control returns the address of the successor's control socket; `undefined` while the successor has not said it
   */
  servesAgain(control: () => UnixAddress | undefined): Promise<void>
  /** Called if the service is told to end while this process takes it back from the successor. */
  stopped(): void
  /** Whether this process shuts down, for whatever reason. */
  readonly isShuttingDown: () => boolean
  /** Returns the status of this process and of all older ones, hammered first if `isHammered`. */
  readonly generations: (isHammered: boolean) => Promise<GenerationStatus[]>
  /** Lets at most so many generations live, from this one back to the oldest. */
  readonly limit: (living: number) => void
  /** Takes the successor if it is rolled back. */
  readonly returning: Returning
}

/**
 * Time limit for a successor that has taken over to open its control socket.
 * See docs/decisions.md, "The control socket changes hands by its path"
 */
const servingMs = 5_000

/** How long the event loop of a successor on probation may be blocked. */
const defaultMaxBlockedMs = 5_000

/** How long to wait for an address that the successor had dropped. */
const bindAnewMs = 500

/** How long to look for what a successor could not have. */
const explainMs = 3_000

/** One restart: starts a successor, gives way to it, and serves again if it dies or is rolled back. */
export class Restart {
  readonly #parts: Parts
  readonly #host: RestartHost
  readonly #options: RestartOptions
  readonly #number: number
  readonly #beganMs: number
  readonly #report = deferred<RestartReport>()
  readonly #aborted = deferred<never>()
  #isUnderWay = true
  #takenOverMs = 0
  #dropped: string[] = []
  #successor: Successor | undefined
  #loss: EndlessError | undefined
  #abortedBy: EndlessError | undefined
  #probation: Probation | undefined
  /** What this process answers until it gives way, if its successor is to be compared with that. */
  #baseline: Baseline | undefined

  constructor(parts: Parts, host: RestartHost, options: RestartOptions = {}) {
    this.#parts = parts
    this.#host = host
    this.#options = options
    this.#number = parts.ancestry.nextNumber
    this.#beganMs = parts.system.now()
    // An abort may come before anything awaits this promise.
    this.#aborted.promise.catch(() => undefined)
  }

  /** Resolves when the successor has taken over; rejects with the reason if it does not. */
  get report(): Promise<RestartReport> {
    return this.#report.promise
  }

  /**
   * Begins the restart. Call it when the rest of the process can already find this object: a listener to
   * 'restarting' may join or abort the restart.
   */
  async begin(): Promise<void> {
    try {
      const trace = { number: this.#number }
      const report = await traced(restartChannel, trace, () => this.#handOver())
      this.#isUnderWay = false
      this.#report.resolve(report)
    } catch (error) {
      this.#isUnderWay = false
      this.#report.reject(error)
    }
  }

  /** Whether this restart is all that another would be: whatever that asks for is asked for here. */
  covers(options: RestartOptions): boolean {
    const own: Readonly<Record<string, unknown>> = { ...this.#options }
    return Object.entries(options).every(
      ([name, value]) => value === undefined || value === own[name],
    )
  }

  /** Whether the restart has neither succeeded nor failed yet. */
  get isUnderWay(): boolean {
    return this.#isUnderWay
  }

  /** Resolves when the restart has succeeded or failed; never rejects. */
  get settled(): Promise<unknown> {
    return this.report.catch(() => undefined)
  }

  /** The successor that boots or has taken over; `undefined` after it failed or died. */
  get successor(): Successor | undefined {
    return this.#successor
  }

  /** The successor as `GET /status` lists it while it boots, else `undefined`. */
  get booting(): ListedGeneration | undefined {
    const { lifecycle, system } = this.#parts
    if (lifecycle.state !== 'restarting' || !this.#successor) return undefined
    return {
      number: this.#number,
      pid: this.#successor.pid ?? 0,
      state: 'booting',
      uptimeMs: Math.round(system.now() - this.#beganMs),
      memoryBytes: null,
      servers: [],
    }
  }

  /** The probation of the successor, under way or over; `undefined` if there is none. */
  get probation(): Probation | undefined {
    return this.#probation
  }

  /** Why the successor was lost after it had been told to take over; `undefined` if it was not. */
  get loss(): EndlessError | undefined {
    return this.#loss
  }

  /** Stops the successor because this process shuts down; does nothing once this process gives way. */
  abort(): void {
    this.#abortedBy ??= shuttingDown(ownName(this.#parts))
    this.#aborted.reject(this.#abortedBy)
  }

  /** Resolves when pid file and control socket lead to the successor, or after 5 s. */
  async untilServing(): Promise<void> {
    // A successor that hangs must not hold up this process.
    const successor = this.#successor
    await within(successor?.serving ?? Promise.resolve(), servingMs, this.#parts.system)
    // It has been told to stop, and `#lost` follows.
    if (successor?.refusal) await successor.exited
  }

  /**
   * Serves again in the place of a living successor. Settles when all that leads to the service leads here.
   *
   * @throws (rejects) `ERR_ENDLESS_NOT_ON_PROBATION`
   */
  async rollBack(reason: string): Promise<void> {
    const { ancestry, servers } = this.#parts
    const successor = this.#successor
    if (!this.#probation?.isUnderWay || !successor) throw notOnProbation()
    const accepting = this.#takeBack(
      successor,
      rolledBack(
        reason,
        { number: this.#number, pid: successor.pid, stderr: successor.stderr },
        ownName(this.#parts),
      ),
    )
    // A supervisor tells all generations itself that the service ends.
    if (!ancestry.isSupervised) {
      successor.onStopped = () => {
        this.#host.stopped()
      }
    }
    const serves = servers.addresses
    const adopts = servers.adopting.filter((bound) => serves.includes(bound))
    successor.rollBack(reason, serves, adopts)
    void this.#publishAgain(successor)
    this.#host.returning.add(successor)
    this.#host.limit(this.#parts.settings.current.maxGenerations)
    await accepting
  }

  /** A successor may still take pid file and control socket, until it knows that it ends, and removes both at its exit. */
  async #publishAgain(successor: Successor): Promise<void> {
    const { ancestry, lifecycle, whereabouts } = this.#parts
    // A living supervisor publishes itself.
    if (ancestry.isSupervised) await successor.lost
    await successor.gone
    if (lifecycle.state === 'running') await whereabouts.publish(() => undefined)
  }

  /** Cuts the line to the successor, so that it waits for nothing more from this process. */
  letGo(): void {
    this.#successor?.disconnect()
    this.#successor = undefined
  }

  /**
   * Removes what the successor leaves beside pid file and sockets if it is killed: it cannot do so itself. Whether
   * it got so far is not always known, as its last messages may be lost.
   */
  #clearAfter(successor: Successor): void {
    const { servers, whereabouts } = this.#parts
    // Known now: when the successor ends, this process may have closed them.
    const paths = [...Object.values(whereabouts.paths), ...servers.socketPaths]
    const directories = new Set(paths.flatMap((each) => (each ? path.dirname(each) : [])))
    // One that is only lost, with the supervisor, may be about to give such a file its name.
    void successor.gone.then(() => {
      const { pid } = successor
      if (pid === undefined) return
      for (const directory of directories) clearTemporaries(directory, pid)
    })
  }

  async #handOver(): Promise<RestartReport> {
    const { ancestry, events, launcher, lifecycle, record, servers, settings, system } = this.#parts
    const { generations, limit } = this.#host
    const number = this.#number
    lifecycle.apply('restart')
    settings.logger.info(`restarting: starting generation ${String(number)}`)
    events.emit('restarting', { number })
    const told = ancestry.serviceManager?.restarting()
    const aborted = this.#aborted.promise
    let successor: Successor | undefined
    try {
      if (this.#abortedBy) throw this.#abortedBy
      const started = launcher.start(number, { answerOlder: generations, limit })
      successor = started
      this.#successor = successor
      this.#clearAfter(started)
      void started.cutOff.then(() => {
        if (this.#successor === started)
          settings.logger.warn(cutOffNotice({ number, pid: started.pid }))
      })
      if (this.#options.maxErrors !== undefined && this.#probationMs !== 0) {
        this.#baseline = new Baseline(system, servers.countAnswers())
      }
      const failed = Promise.race([successor.exited, successor.refused]).then((error) =>
        Promise.reject(error),
      )
      failed.catch(() => undefined)
      await this.#untilReady(successor)
      await Promise.race([this.#baseline?.enough, failed, aborted])
      this.#dropped = this.#droppedBy(successor)
      // This process still serves: a hook may take its time, and the successor may die meanwhile.
      await Promise.race([servers.runHooks('before', 'SIGTERM'), failed, aborted])
      await Promise.race([told, failed, aborted])
      // Before the successor is told to accept: if this process dies in between, the predecessor must not
      // take over too.
      await Promise.race([ancestry.predecessor?.reportSucceeded(), failed, aborted])
      // The successor may have refused in the turn in which the last of these promises settled.
      if (successor.refusal) throw successor.refusal
    } catch (error) {
      this.#baseline?.end()
      await successor?.stop()
      successor?.closeEscrow()
      this.#successor = undefined
      const reason = await this.#explain(error as EndlessError)
      lifecycle.apply('restart-failed')
      if (ancestry.predecessor?.reportTakenBack()) ancestry.predecessor.deposit(servers.passable)
      for (const { listening } of servers) listening.mendPath()
      this.#reportFailure(reason)
      throw reason
    }
    await this.#giveWay(successor)
    const report: RestartReport = {
      number,
      pid: successor.pid ?? 0,
      durationMs: this.#takenOverMs,
      dropped: this.#dropped,
      ...(this.#probation && { probationMs: this.#probationMs }),
    }
    record.takenOver(report)
    this.#leaveControlTo(successor)
    events.emit('taken-over', report)
    this.#host.takenOver()
    return report
  }

  async #untilReady(successor: Successor): Promise<void> {
    const { settings, system } = this.#parts
    const { logger, current } = settings
    const endWait = sayIfLong({ system, logger }, () => ({
      what: `${generationName({ number: this.#number, pid: successor.pid })} to be ready`,
      limitMs: current.readyTimeoutMs,
    }))
    await Promise.race([successor.ready, this.#aborted.promise]).finally(endWait)
  }

  /** Adds what only this process knows: whether it has itself what the successor needed. */
  async #explain(error: EndlessError): Promise<EndlessError> {
    const { servers, system } = this.#parts
    const explained = withHolder(error, {
      pid: system.pid,
      addresses: servers.addresses,
      holderOf: (taken) => system.holderOf(taken),
    })
    const found = await within(explained, explainMs, system)
    return found === late ? error : found
  }

  #droppedBy(successor: Successor): string[] {
    const { servers, settings } = this.#parts
    const { allowAddressChange } = settings.current
    const isAllowed = this.#options.allowAddressChange ?? allowAddressChange
    const { pid, serves, allowsAddressChange } = successor
    return droppedAddresses(
      { ...ownName(this.#parts), addresses: servers.addresses },
      { number: this.#number, pid, serves, allowsAddressChange },
      isAllowed,
    )
  }

  /** Stops accepting, and lets the successor accept. */
  async #giveWay(successor: Successor): Promise<void> {
    const { ancestry, lifecycle, servers, whereabouts } = this.#parts
    const before = this.#baseline?.end()
    for (const server of servers) server.stopAccepting('handoff')
    for (const socket of servers.udpSockets) socket.stop()
    this.#host.gaveWay()
    lifecycle.apply('taken-over')
    whereabouts.leavePidFile(successor.pidFile, successor.pid)
    const exited = successor.exited.then((error) => {
      this.#lost(successor, error)
      return error
    })
    // The successor began to shut down before it was told: this process serves again once it is gone.
    // See docs/decisions.md, "A successor that leaves too early fails the restart"
    void successor.refused.then(() => successor.stop())
    // Rounded once: the successor reports the same duration.
    this.#takenOverMs = Math.round(this.#elapsedMs)
    // If the successor is gone, the write to it may never settle.
    await Promise.race([
      // A successor that cannot be told to accept must not live on.
      successor.takeOver(this.#takenOverMs, this.#dropped, this.#probationMs).catch(async () => {
        await successor.stop()
        await exited
      }),
      exited,
    ])
    // `#lost` has handled its end already.
    if (this.#successor !== successor) throw await exited
    ancestry.serviceManager?.succeeded()
    successor.release()
    if (this.#probationMs !== 0) this.#probation = this.#putOnProbation(successor, before)
  }

  #putOnProbation(successor: Successor, before: AnswerCount | undefined): Probation {
    const { ancestry, events, settings, system } = this.#parts
    const { maxBlockedMs = defaultMaxBlockedMs, maxErrors = 1 } = this.#options
    const name = { number: this.#number, pid: successor.pid ?? 0 }
    settings.logger.info(probationNotice(name, this.#probationMs))
    if (!successor.askAnswers) settings.logger.warn(unguardedNotice(name))
    return new Probation({
      system,
      successor,
      probationMs: this.#probationMs,
      maxBlockedMs,
      errors: before && { maxErrors, before },
      proved: () => {
        settings.logger.info(provenNotice(name))
        // A supervisor replaces it if it dies; old code would serve again, among workers that have new code.
        if (ancestry.isSupervised) successor.closeEscrow()
        events.emit('proven')
      },
      rollBack: (reason) => {
        // Only a probation that is over rejects.
        this.rollBack(reason).catch(() => undefined)
      },
    })
  }

  get #probationMs(): number {
    return finiteMs(this.#options.probationMs ?? this.#parts.settings.current.probationMs)
  }

  /** Removes the path of our control socket once the successor serves, unless that has taken it over. */
  #leaveControlTo(successor: Successor): void {
    void successor.serving.then(() => {
      if (this.#successor === successor) this.#parts.whereabouts.leaveControl()
    })
  }

  /** Serves again after the death of the successor, unless another process answers for the service. */
  #lost(successor: Successor, error: EndlessError): void {
    const { ancestry } = this.#parts
    // It was rolled back, and this process serves already.
    if (this.#loss) return
    if (successor.hasLeft) {
      this.#abandonPaths(successor)
      successor.answerHeir('not-serving')
      ancestry.supervisor?.reportNotServing()
      return
    }
    const isOnProbation = this.#probation?.isUnderWay
    void this.#takeBack(successor, isOnProbation ? diedOnProbation(error) : error)
  }

  /** Serves again in the place of the successor. Settles when all leads here again, or never will. */
  async #takeBack(successor: Successor, error: EndlessError): Promise<void> {
    const { ancestry, lifecycle, servers } = this.#parts
    this.#loss = error
    this.#successor = undefined
    this.#probation?.rolledBack(error)
    if (!this.#host.takenBack(error)) {
      this.#abandonPaths(successor)
      successor.closeEscrow()
      successor.answerHeir('not-serving')
      ancestry.supervisor?.reportNotServing()
      this.#reportFailure(error)
      return
    }
    successor.answerHeir('serving')
    for (const socket of servers.udpSockets) socket.again()
    const listening = [...servers].map((server) => {
      const { bound } = server
      const again = server.takeBack(() =>
        bound === null ? undefined : successor.takeEscrow(bound),
      )
      return bound !== null && this.#dropped.includes(bound) ? this.#bindAnew(server, again) : again
    })
    this.#reportFailure(error)
    await Promise.all(listening)
    // Not before: through a supervisor, a copy may come here after the news of the successor's end.
    successor.closeEscrow()
    // It may have been shut down while its servers tried to listen.
    if (this.#host.isShuttingDown()) return
    lifecycle.apply('taken-back')
    await this.#host.servesAgain(() => successor.control)
    successor.servedAgain()
  }

  /**
   * Waits a moment for a server to listen at an address that the successor had dropped. If another process has that
   * address by now, the rest of the service should not wait; the server tries on.
   */
  async #bindAnew(server: ManagedServer, again: Promise<void>): Promise<void> {
    if ((await within(again, bindAnewMs, this.#parts.system)) !== late) return
    void again.then(() => {
      const { passable } = server.listening
      if (passable) this.#parts.ancestry.predecessor?.deposit([passable])
    })
  }

  /** Removes the paths that were left to a successor which never took them over, and so has not removed them. */
  #abandonPaths(successor: Successor): void {
    if (!successor.refusal) return
    for (const { listening } of this.#parts.servers) listening.abandonPath()
  }

  #reportFailure(error: EndlessError): void {
    const { ancestry, events, record, settings, tally } = this.#parts
    record.failed(this.#number, error, this.#elapsedMs)
    // A supervisor counts itself.
    if (!ancestry.isSupervised) ancestry.predecessor?.reportCounted(tally.counts)
    if (error === this.#abortedBy) settings.logger.info('restart stopped: the service shuts down')
    else settings.logger.error(`Restart failed: ${error.message}`)
    ancestry.serviceManager?.restartFailed(error.message)
    events.emit('restart-failed', error)
  }

  get #elapsedMs(): number {
    return this.#parts.system.now() - this.#beganMs
  }
}
