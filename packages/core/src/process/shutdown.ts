import { type EndlessError, messageOf } from '../api/endless-error.js'
import type { TerminateHook } from '../api/generation.js'
import { bounded, type HookSignal } from '../api/hooks.js'
import type { ShutdownReport } from '../api/reports.js'
import type { Occasion } from '../server/managed-server.js'
import { shutdownNotice } from './notices.js'
import type { Parts } from './parts/parts.js'
import type { Restart } from './restart.js'

/** The rest of the process, as far as a shutdown needs it. */
export interface ShutdownHost {
  /** The last restart, or the one under way. */
  readonly restart: () => Restart | undefined
  readonly terminateHooks: readonly TerminateHook[]
  /** It has ended, and the process lives on. */
  readonly outlived: () => void
}

/** The end of this process: somebody asked for it, or a successor serves in its place. */
export class Shutdown {
  readonly #parts: Parts
  readonly #host: ShutdownHost
  #report: Promise<ShutdownReport> | undefined
  #isAskedFor = false
  #isHammerDue = false
  #cutDelay: (() => void) | undefined
  #breakOff: ((reason: EndlessError) => void) | undefined
  #brokenOffBy: EndlessError | undefined

  constructor(parts: Parts, host: ShutdownHost) {
    this.#parts = parts
    this.#host = host
  }

  /** Settles at the end; rejects if this process takes over again before. `undefined` until it begins. */
  get report(): Promise<ShutdownReport> | undefined {
    return this.#report
  }

  /** Whether somebody means it, whatever becomes of a successor. */
  get isAskedFor(): boolean {
    return this.#isAskedFor
  }

  /** Somebody asks for it; joins one that has begun. */
  async ask(occasion: Occasion, delayMs: number, signal?: HookSignal): Promise<ShutdownReport> {
    this.#isAskedFor = true
    if (this.#report) {
      // Whoever shuts down a process that drains does not want it to serve again.
      if (!this.#host.restart()?.isUnderWay) this.#closeEscrow()
    } else {
      this.#parts.lifecycle.apply('shutdown')
      this.#report = this.#stop(occasion, delayMs, signal)
    }
    return this.#report
  }

  /** A successor has taken over. */
  follow(): void {
    this.#report = this.#leave({ reason: 'handoff', isInteractive: false }, 'SIGTERM')
    this.#report.catch((error: unknown) => {
      // This process takes over again, and there is nobody who waits for its end.
      if (error === this.#brokenOffBy) return
      const { settings, system } = this.#parts
      settings.logger.error(`The end of this process failed: ${messageOf(error)}.`)
      if (settings.current.exit) system.exit()
    })
  }

  /** Lets the hammer fall, or fall as soon as the drain begins. */
  hammer(): void {
    this.#isHammerDue = true
    this.#cutDelay?.()
    for (const server of this.#parts.servers) server.strike()
  }

  /** This process takes over again. */
  breakOff(reason: EndlessError): void {
    this.#report = undefined
    this.#isHammerDue = false
    this.#brokenOffBy = reason
    this.#breakOff?.(reason)
    this.#cutDelay?.()
  }

  async #stop(
    occasion: Occasion,
    delayMs: number,
    signal: HookSignal | undefined,
  ): Promise<ShutdownReport> {
    const restart = this.#host.restart()
    restart?.abort()
    // The successor is stopped first: it must not take over what we are closing.
    const hasHandedOver = await (restart?.isUnderWay &&
      restart.report.then(
        () => true,
        () => false,
      ))
    if (hasHandedOver && this.#report) {
      // Too late to stop it: its own drain is under way, and clean-up runs once.
      this.#closeEscrow()
      return this.#report
    }
    this.#parts.settings.logger.info(shutdownNotice(this.#parts.servers, delayMs))
    this.#parts.ancestry.serviceManager?.stopping()
    if (delayMs > 0 && !this.#isHammerDue) await this.#delay(delayMs)
    return this.#leave(occasion, signal)
  }

  #delay(delayMs: number): Promise<void> {
    for (const server of this.#parts.servers) server.foretellShutdown()
    return this.#pause(delayMs)
  }

  /** Waits, unless the hammer falls. */
  #pause(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      // Referenced: an end is under way, which must not come early.
      const timer = this.#parts.system.setTimeout(resolve, durationMs)
      this.#cutDelay = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async #leave(occasion: Occasion, signal: HookSignal | undefined): Promise<ShutdownReport> {
    const { ancestry, events, lifecycle, servers, settings, system } = this.#parts
    const beganMs = system.now()
    const { boundMs } = servers
    const brokenOff = new Promise<never>((_, reject) => (this.#breakOff = reject))
    await Promise.race([this.#drainAtAnyRate(occasion, boundMs), brokenOff])
    // Not in the drain: one that was broken off ends together with the next.
    if (signal) await Promise.race([servers.runHooks('after', signal), brokenOff])
    this.#closeEscrow()
    const { successor } = this.#host.restart() ?? {}
    const successorPid = occasion.reason === 'handoff' ? successor?.pid : undefined
    const moved = successorPid && ancestry.serviceManager?.moveMainTo(successorPid)
    const reports = await Promise.all([...servers].map((server) => server.terminate()))
    for (const hook of this.#host.terminateHooks) {
      await bounded('An onTerminate hook', hook, { system, logger: settings.logger, boundMs })
    }
    await moved
    const report: ShutdownReport = {
      reason: occasion.reason,
      durationMs: Math.round(system.now() - beganMs),
      hammered: reports.reduce((sum, { hammered }) => sum + hammered, 0),
    }
    lifecycle.apply('drained')
    events.emit('terminate', report)
    // Signals stay caught until then: one that came late would end the process by its default.
    if (settings.current.exit) system.exit()
    else this.#host.outlived()
    return report
  }

  /** Drains; if that fails, what is left is destroyed when the hammer time is over. */
  async #drainAtAnyRate(occasion: Occasion, boundMs: number): Promise<void> {
    const { servers, settings } = this.#parts
    try {
      await this.#drain(occasion)
    } catch (error) {
      settings.logger.error(
        `The drain failed: ${messageOf(error)}; going on when the hammer time is over.`,
      )
      if (!this.#isHammerDue) await this.#pause(boundMs)
      if (this.#brokenOffBy) return
      for (const server of servers) {
        server.strike()
        for (const socket of server.connections.accepted) socket.destroy()
      }
    }
  }

  async #drain(occasion: Occasion): Promise<void> {
    const { ancestry, servers } = this.#parts
    const migration =
      occasion.reason === 'handoff' ? this.#host.restart()?.successor?.migration : undefined
    const failures: unknown[] = []
    for (const server of servers) {
      try {
        server.drain({ ...occasion, migration })
      } catch (error) {
        // The others drain first.
        failures.push(error)
      }
    }
    if (this.#isHammerDue) for (const server of servers) server.strike()
    if (occasion.reason === 'shutdown') ancestry.predecessor?.leave()
    if (failures.length > 0) throw failures[0]
    // Its connections come through here: if we left first, they would stay on older code.
    await ancestry.predecessor?.untilFinished()
    await Promise.all([...servers].map((server) => server.drained()))
    // Whoever asked for the restart is answered by this process, when there is somebody to see.
    if (occasion.reason === 'handoff' && !ancestry.supervisor) {
      await this.#host.restart()?.untilServing()
    }
  }

  #closeEscrow(): void {
    this.#host.restart()?.successor?.closeEscrow()
  }
}
