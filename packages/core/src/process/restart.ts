import { EndlessError } from '../api/endless-error.js'
import type { RestartReport } from '../api/reports.js'
import type { GenerationState, GenerationStatus } from '../api/status.js'
import type { ListedGeneration } from '../control/service.js'
import type { Successor } from '../handoff/successor.js'
import type { System } from '../node/system.js'
import { deferred, within } from '../node/waits.js'
import { takenOverNotice } from './notices.js'
import type { Parts } from './parts/parts.js'

/** What follows from a restart for the rest of the process. */
export interface RestartHost {
  /** This process accepts no more. */
  gaveWay(): void
  /** The successor does. */
  takenOver(): void
  /**
   * The successor is gone, and nobody answers for it: this process goes on. Answers whether it may serve: whoever has
   * asked it to shut down means that.
   */
  takenBack(reason: EndlessError): boolean
  /** It accepts again. */
  servesAgain(): void
  /** Tells of this process and of all that are older, hammered first if told so. */
  readonly generations: (isHammered: boolean) => Promise<GenerationStatus[]>
}

/** How long a successor that has taken over may take until its control socket is there. */
const servingMs = 5_000

/** One restart, by the process that gives way. */
export class Restart {
  readonly #parts: Parts
  readonly #host: RestartHost
  readonly #number: number
  readonly #beganMs: number
  readonly #report = deferred<RestartReport>()
  readonly #aborted = deferred<never>()
  #isUnderWay = true
  #takenOverMs = 0
  #successor: Successor | undefined
  #abortedBy: EndlessError | undefined

  constructor(parts: Parts, host: RestartHost) {
    this.#parts = parts
    this.#host = host
    this.#number = parts.ancestry.number + 1
    this.#beganMs = parts.system.now()
    // Nobody may be waiting yet when somebody aborts it.
    this.#aborted.promise.catch(() => undefined)
  }

  /** Settles when the successor has taken over; rejects with the reason if it will not. */
  get report(): Promise<RestartReport> {
    return this.#report.promise
  }

  /** Begins it, when everybody can already see that it is under way: a listener that is told may join or abort it. */
  async begin(): Promise<void> {
    try {
      const report = await this.#handOver()
      this.#isUnderWay = false
      this.#report.resolve(report)
    } catch (error) {
      this.#isUnderWay = false
      this.#report.reject(error)
    }
  }

  /** Whether it has neither succeeded nor failed. */
  get isUnderWay(): boolean {
    return this.#isUnderWay
  }

  /** Settles when it has either succeeded or failed. */
  get settled(): Promise<unknown> {
    return this.report.catch(() => undefined)
  }

  /** The one that boots, or has taken over; `undefined` when it has failed, or this process has taken over again. */
  get successor(): Successor | undefined {
    return this.#successor
  }

  /** The successor, while it is being started. */
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

  /** Stops the successor, since this process shuts down; does nothing once it is to take over. */
  abort(): void {
    this.#abortedBy ??= shuttingDown()
    this.#aborted.reject(this.#abortedBy)
  }

  /** Settles when everybody can see that the successor serves, by its pid file and its control socket. */
  async untilServing(): Promise<void> {
    // One that is stuck cannot be waited for.
    await within(this.#successor?.serving ?? Promise.resolve(), servingMs, this.#parts.system)
  }

  /** The successor is no concern of this process any more, nor this process one of its: it waits for nothing from here. */
  letGo(): void {
    this.#successor?.disconnect()
    this.#successor = undefined
  }

  async #handOver(): Promise<RestartReport> {
    const { ancestry, events, launcher, lifecycle, record, servers, settings } = this.#parts
    const { generations } = this.#host
    const number = this.#number
    lifecycle.apply('restart')
    settings.logger.info(`restarting: starting generation ${String(number)}`)
    events.emit('restarting', { number })
    const told = ancestry.serviceManager?.restarting()
    const aborted = this.#aborted.promise
    let successor: Successor | undefined
    try {
      if (this.#abortedBy) throw this.#abortedBy
      successor = launcher.start(number, generations)
      this.#successor = successor
      const failed = Promise.race([successor.exited, successor.refused]).then((error) =>
        Promise.reject(error),
      )
      failed.catch(() => undefined)
      await Promise.race([successor.ready, aborted])
      // Still serving: a hook may take its time, and the successor may die meanwhile.
      await Promise.race([servers.runHooks('before', 'SIGTERM'), failed, aborted])
      await Promise.race([told, failed, aborted])
      // In the turn in which the last of these ended it may have said that it shuts down.
      if (successor.refusal) throw successor.refusal
    } catch (error) {
      await successor?.stop()
      successor?.closeEscrow()
      this.#successor = undefined
      lifecycle.apply('restart-failed')
      for (const { listening } of servers) listening.mendPath()
      this.#reportFailure(error as EndlessError)
      throw error
    }
    await this.#giveWay(successor)
    const report: RestartReport = {
      number,
      pid: successor.pid ?? 0,
      durationMs: this.#takenOverMs,
    }
    record.takenOver(report)
    this.#leaveControlTo(successor)
    settings.logger.info(takenOverNotice(report, this.#parts))
    events.emit('taken-over', report)
    this.#host.takenOver()
    return report
  }

  /** Lets the successor accept in our place. */
  async #giveWay(successor: Successor): Promise<void> {
    const { ancestry, lifecycle, servers, whereabouts } = this.#parts
    for (const server of servers) server.stopAccepting('handoff')
    this.#host.gaveWay()
    lifecycle.apply('taken-over')
    whereabouts.leavePidFile(successor.pidFile)
    const exited = successor.exited.then((error) => {
      this.#lost(successor, error)
      return error
    })
    // It had begun to shut down when it was told: this process serves again when it is gone.
    void successor.refused.then(() => successor.stop())
    // The same that the successor tells from then on.
    this.#takenOverMs = Math.round(this.#elapsedMs)
    // What is told to one that is gone may never be known to be written.
    await Promise.race([
      // It cannot be told, so it must not live either.
      successor.takeOver(this.#takenOverMs).catch(async () => {
        await successor.stop()
        await exited
      }),
      exited,
    ])
    // Its end has been answered.
    if (this.#successor !== successor) throw await exited
    ancestry.predecessor?.reportSucceeded()
    ancestry.serviceManager?.succeeded()
    successor.release()
  }

  /** A path that it does not take leads nowhere from now on. */
  #leaveControlTo(successor: Successor): void {
    void successor.serving.then(() => {
      if (this.#successor === successor) this.#parts.whereabouts.leaveControl()
    })
  }

  /** The successor is gone after it had taken over: if nobody answers for it, this process does. */
  #lost(successor: Successor, error: EndlessError): void {
    const { ancestry, lifecycle, servers } = this.#parts
    if (successor.hasLeft) {
      ancestry.supervisor?.reportNotServing()
      return
    }
    this.#successor = undefined
    if (!this.#host.takenBack(error)) {
      successor.closeEscrow()
      ancestry.supervisor?.reportNotServing()
      this.#reportFailure(error)
      return
    }
    const listening = [...servers].map((server) =>
      server.takeBack(server.bound === null ? undefined : successor.takeEscrow(server.bound)),
    )
    successor.closeEscrow()
    lifecycle.apply('taken-back')
    this.#reportFailure(error)
    void Promise.all(listening).then(() => {
      this.#host.servesAgain()
    })
  }

  #reportFailure(error: EndlessError): void {
    const { ancestry, events, record, settings } = this.#parts
    record.failed(this.#number, error, this.#elapsedMs)
    settings.logger.error(`Restart failed: ${error.message}`)
    ancestry.serviceManager?.restartFailed(error.message)
    events.emit('restart-failed', error)
  }

  get #elapsedMs(): number {
    return this.#parts.system.now() - this.#beganMs
  }
}

/** Why a process cannot restart; `undefined` if it can. */
export function refuseRestart(
  { platform, isClusterWorker }: Pick<System, 'platform' | 'isClusterWorker'>,
  state: GenerationState,
  isShuttingDown: boolean,
): EndlessError | undefined {
  if (platform === 'win32') {
    return new EndlessError(
      'ERR_ENDLESS_UNSUPPORTED_PLATFORM',
      'Cannot restart on Windows: it has no way to pass a listening socket on. Shut down and start again.',
    )
  }
  if (isClusterWorker) {
    return new EndlessError(
      'ERR_ENDLESS_UNSUPPORTED',
      'Cannot restart a cluster worker: its sockets belong to the primary process. Restart that.',
    )
  }
  if (isShuttingDown) return shuttingDown()
  if (state !== 'running') {
    return new EndlessError(
      'ERR_ENDLESS_NOT_RUNNING',
      `Cannot restart: this process serves nothing (state '${state}'). Wait for the 'ready' event.`,
    )
  }
  return undefined
}

/** What a restart fails with that a shutdown breaks off. */
export function shuttingDown(): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_SHUTTING_DOWN',
    'Cannot restart: this process is shutting down.',
  )
}
