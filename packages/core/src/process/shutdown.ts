import { durationOf } from '../api/duration.js'
import { type EndlessError, messageOf } from '../api/endless-error.js'
import { generationName } from '../api/generation-name.js'
import type { TerminateHook } from '../api/generation.js'
import { bounded, type HookSignal } from '../api/hooks.js'
import { sayIfLong } from '../api/long-wait.js'
import type { ShutdownReport } from '../api/reports.js'
import type { RolledBack } from '../handoff/own-probation.js'
import { late, within } from '../node/waits.js'
import type { ManagedServer, Occasion } from '../server/managed-server.js'
import { runHeld } from './held-clean-up.js'
import { drainLimitMs, openNotice, ownName, shutdownNotice } from './notices.js'
import type { Parts } from './parts/parts.js'
import type { Restart } from './restart.js'
import type { Returning } from './returning.js'
import type { Signals } from './signals.js'

// A shutdown of the process, from the drain to the exit.

/** How old the pid may be that a signal was sent to: read from the pid file, then signalled. */
const staleMs = 500

/**
 * How long a process that has read datagrams may take to answer them when its successor reads. Only the program knows
 * which of them it answers.
 */
const replyMs = 1_000

/** What {@link Shutdown} needs from the rest of the process. */
export interface ShutdownHost {
  /** Returns the latest restart, under way or ended. */
  readonly restart: () => Restart | undefined
  /** Successors that were rolled back: their connections come here. */
  readonly returning: Returning
  readonly terminateHooks: readonly TerminateHook[]
  /** Calls the signal listeners that were held back; see {@link Signals.callHeld}. */
  readonly callHeld: Signals['callHeld']
  /** Called when the shutdown has ended and the process lives on (`exit: false`). */
  readonly outlived: () => void
}

const handoff: Occasion = { reason: 'handoff', isInteractive: false }

/** The shutdown of this process: on request, or because another generation has taken over. */
export class Shutdown {
  readonly #parts: Parts
  readonly #host: ShutdownHost
  #report: Promise<ShutdownReport> | undefined
  #isAskedFor = false
  #isHammerDue = false
  /** The wait for the drain: if that is broken off, the servers would keep this object as long as they have connections. */
  readonly #wait = new AbortController()
  #cutDelay: (() => void) | undefined
  /** Cuts the hooks short that run now. */
  #cutHooks: (() => void) | undefined
  #breakOff: ((reason: EndlessError) => void) | undefined
  #brokenOffBy: EndlessError | undefined

  constructor(parts: Parts, host: ShutdownHost) {
    this.#parts = parts
    this.#host = host
  }

  /** Resolves at the end; rejects if this process takes over again before. `undefined` until it has begun. */
  get report(): Promise<ShutdownReport> | undefined {
    return this.#report
  }

  /** Whether the shutdown was requested, and so goes on even if the successor dies. */
  get isAskedFor(): boolean {
    return this.#isAskedFor
  }

  /**
   * Shuts down on request; joins a shutdown that has begun.
   *
   * @param askedMs when it was asked for: the hooks of the signal may have taken long
   */
  async ask(
    occasion: Occasion,
    delayMs: number,
    signal?: HookSignal,
    askedMs = this.#parts.system.now(),
  ): Promise<ShutdownReport> {
    this.#isAskedFor = true
    if (this.#report) {
      // On probation, whoever signals this process means the service.
      const meansService = this.#host.restart()?.probation?.isUnderWay
      // A process that is told to shut down while it drains should not serve again.
      if (!this.#host.restart()?.isUnderWay) this.#closeEscrow()
      this.#passOn(signal, meansService)
      if (signal && this.#mayMeanPredecessor(askedMs))
        this.#parts.ancestry.predecessor?.passStopOn()
    } else {
      this.#parts.lifecycle.apply('shutdown')
      this.#report = this.#stop(occasion, delayMs, signal)
    }
    return this.#report
  }

  /** Shuts down because a successor has taken over, or because the predecessor serves again. */
  follow(): void {
    this.#report = this.#leave(handoff, 'SIGTERM')
    this.#report.catch((error: unknown) => {
      // This process takes over again, and nothing awaits its end.
      if (error === this.#brokenOffBy) return
      const { settings, system } = this.#parts
      settings.logger.error(`The shutdown failed: ${messageOf(error)}.`)
      if (settings.current.exit) system.exit(1)
    })
  }

  /** Ends the delay of a shutdown on request: the predecessor serves again, and is told that the service ends. */
  rolledBack(): void {
    this.#parts.ancestry.predecessor?.passStopOn()
    this.#cutDelay?.()
  }

  /** Lets the hammer fall: now, or as soon as the drain begins. Hooks that run now are cut short. */
  hammer(): void {
    this.#isHammerDue = true
    this.#cutDelay?.()
    this.#cutHooks?.()
    for (const server of this.#parts.servers) server.strike()
    // The drain waits for them.
    this.#host.returning.hammer()
  }

  /** Breaks the shutdown off: this process takes over again. */
  breakOff(reason: EndlessError): void {
    this.#report = undefined
    this.#isHammerDue = false
    this.#brokenOffBy = reason
    this.#breakOff?.(reason)
    this.#wait.abort()
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
      // Too late to stop the successor: the drain of the handoff is under way, and clean-up runs once.
      this.#closeEscrow()
      this.#passOn(signal)
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

  /** Waits; the hammer or `breakOff` ends the wait early. */
  #pause(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      // Referenced: the process must not end before the wait is over.
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
    const endWait = this.#sayIfLong()
    await Promise.race([this.#drainAtAnyRate(occasion, boundMs), brokenOff]).finally(endWait)
    // Not in `#drain`: a drain that was broken off ends together with the next; the hooks would run twice.
    if (signal) {
      await Promise.race([servers.runHooks('after', signal, this.#hammerOnHooks()), brokenOff])
    }
    this.#closeEscrow()
    const { successor } = this.#host.restart() ?? {}
    const successorPid = occasion.reason === 'handoff' ? successor?.pid : undefined
    const moved = successorPid && ancestry.serviceManager?.moveMainTo(successorPid)
    const reports = await Promise.all([...servers].map((server) => server.terminate()))
    const isClean = await this.#cleanUp(boundMs)
    await moved
    await this.#untilTold(boundMs)
    const report: ShutdownReport = {
      reason: occasion.reason,
      durationMs: Math.round(system.now() - beganMs),
      hammered: reports.reduce((sum, { hammered }) => sum + hammered, 0),
    }
    lifecycle.apply('drained')
    if (occasion.reason === 'shutdown') {
      const name = generationName(ownName(this.#parts))
      settings.logger.info(`${name} has shut down after ${durationOf(report.durationMs)}`)
    }
    events.emit('terminate', report)
    // Signals stay caught until the exit: a late one would end the process by its default action.
    // See docs/decisions.md, "The exit waits for a turn"
    const hasEnded = await runHeld(signal ?? 'SIGTERM', {
      system,
      logger: settings.logger,
      boundMs,
      cut: this.#hammerOnHooks(),
      call: this.#host.callHeld,
    })
    if (settings.current.exit) system.exit(isClean && hasEnded ? 0 : 1)
    else this.#host.outlived()
    return report
  }

  /**
   * Runs the clean-up of the application; returns whether all of it has succeeded.
   * See docs/decisions.md, "The hammer ends what is waited for"
   */
  async #cleanUp(boundMs: number): Promise<boolean> {
    const { settings, system } = this.#parts
    const cut = this.#hammerOnHooks()
    let isClean = true
    for (const hook of this.#host.terminateHooks) {
      const surroundings = { system, logger: settings.logger, boundMs, cut }
      const outcome = await bounded('an onTerminate hook', hook, surroundings)
      if (outcome !== 'done') isClean = false
      if (outcome === 'cut') break
    }
    return isClean
  }

  /** Waits until an older generation, which still drains, will not take the exit for a crash. */
  async #untilTold(boundMs: number): Promise<void> {
    const told = this.#parts.ancestry.predecessor?.told
    if (!told || this.#isHammerDue) return
    await Promise.race([within(told, boundMs, this.#parts.system), this.#hammerOnHooks()])
  }

  /** Resolves when the hammer falls next. */
  #hammerOnHooks(): Promise<void> {
    return new Promise((resolve) => (this.#cutHooks = resolve))
  }

  /** Says what the drain waits for, if it takes long. */
  #sayIfLong(): () => void {
    const { servers, settings, system } = this.#parts
    return sayIfLong({ system, logger: settings.logger }, () => {
      const open = openNotice(servers)
      const what = `${generationName(ownName(this.#parts))}: ${open}`
      return open === '' ? undefined : { what, limitMs: drainLimitMs(servers) }
    })
  }

  /** Drains; if that fails, destroys the connections that are left when the hammer time is over. */
  async #drainAtAnyRate(occasion: Occasion, boundMs: number): Promise<void> {
    const { servers, settings } = this.#parts
    try {
      await this.#drain(occasion)
    } catch (error) {
      settings.logger.error(
        `The drain failed: ${messageOf(error)}. Open connections are destroyed when the hammer time is over.`,
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
    const { ancestry, servers, system } = this.#parts
    const beganMs = system.now()
    const probation = ancestry.predecessor?.probation
    const rolledBack = probation?.rolledBack
    const failures: unknown[] = []
    for (const server of servers) {
      try {
        server.drain(rolledBack ? wayBack(server, rolledBack) : this.#wayOn(occasion))
      } catch (error) {
        // Thrown below, when the other servers drain too.
        failures.push(error)
      }
    }
    if (this.#isHammerDue) for (const server of servers) server.strike()
    if (occasion.reason === 'shutdown') ancestry.predecessor?.leave()
    if (failures.length > 0) throw failures[0]
    if (rolledBack) {
      // The predecessor reads.
      for (const socket of servers.udpSockets) socket.stop()
      // Not before: the predecessor accepts already, and what is open here can move at once.
      await Promise.all([
        servers.runHooks('before', 'SIGTERM', this.#hammerOnHooks()),
        this.#drained(),
      ])
      await probation.untilServedAgain()
      await this.#untilReplied(beganMs)
      return
    }
    // Its connections move on through this process: if it left first, they would stay on older code.
    await ancestry.predecessor?.untilFinished()
    // Those of successors that were rolled back come here, too.
    await this.#untilReturned()
    await this.#drained()
    if (occasion.reason !== 'handoff') return
    // A successor may have died after it was ready, which this process hears later, and then serves again. And it
    // answers the client that asked for the restart, once the successor can be reached.
    await this.#host.restart()?.untilServing()
    await this.#stayBehind()
    await this.#untilReplied(beganMs)
    if (!ancestry.isSupervised) await this.#untilStale()
  }

  /** Waits until successors that were rolled back have ended; no longer than connections may live. */
  async #untilReturned(): Promise<void> {
    const { returning } = this.#host
    const { servers, system } = this.#parts
    const limitMs = drainLimitMs(servers)
    const isLate = limitMs >= 0 && (await within(returning.ended, limitMs, system)) === late
    if (isLate) returning.hammer()
    await returning.ended
  }

  #wayOn(occasion: Occasion): Occasion {
    if (occasion.reason !== 'handoff' || occasion.migration) return occasion
    return { ...occasion, migration: this.#host.restart()?.successor?.migration }
  }

  async #drained(): Promise<void> {
    const { signal } = this.#wait
    await Promise.all([...this.#parts.servers].map((server) => server.drained(signal)))
  }

  /** Waits as long as the successor is on probation. */
  async #stayBehind(): Promise<void> {
    const { lifecycle } = this.#parts
    const probation = this.#host.restart()?.probation
    if (!probation?.isUnderWay || this.#brokenOffBy) return
    lifecycle.apply('stay-behind')
    await probation.over
    lifecycle.apply('probation-over')
  }

  /** Waits until the datagrams that were read are answered, if there are any. */
  async #untilReplied(beganMs: number): Promise<void> {
    const { servers, system } = this.#parts
    if (servers.udpSockets.size > 0) await this.#rest(replyMs - (system.now() - beganMs))
  }

  /** Waits until nobody means the service by our pid any more: a signal that meets the exit itself is lost. */
  async #untilStale(): Promise<void> {
    if (!this.#parts.whereabouts.hasPidFile) return
    const ageMs = this.#successorAgeMs
    if (ageMs !== undefined) await this.#rest(staleMs - ageMs)
  }

  /** Waits for what is left of a time, unless the hammer falls. */
  async #rest(leftMs: number): Promise<void> {
    if (leftMs > 0 && !this.#isHammerDue) await this.#pause(Math.ceil(leftMs))
  }

  /** For how long the successor has been serving, in ms; `undefined` if it has not begun. */
  get #successorAgeMs(): number | undefined {
    const { servingSinceMs } = this.#host.restart()?.successor ?? {}
    return servingSinceMs === undefined ? undefined : this.#parts.system.now() - servingSinceMs
  }

  /**
   * Passes a signal on to a successor whose pid was unknown outside when the signal was sent: `kill $(cat
   * app.pid)` in the moment of a takeover means the service, whichever process the file named. It is passed on as SIGTERM:
   * the successor may have had the Ctrl-C itself, and would take a later SIGINT for the second one, which is the hammer.
   * See docs/decisions.md, "A signal that was meant for the service reaches it"
   */
  #passOn(signal: HookSignal | undefined, meansService = false): void {
    const { successor } = this.#host.restart() ?? {}
    if (!signal || !successor?.hasTakenOver) return
    const ageMs = this.#successorAgeMs
    if (meansService || ageMs === undefined || ageMs <= staleMs) successor.signal('SIGTERM')
  }

  /** Whether a signal to this process, which was rolled back, is meant for the service: the pid file led here just now. */
  #mayMeanPredecessor(askedMs: number): boolean {
    const { rolledBack, servedAgainMs } = this.#parts.ancestry.predecessor?.probation ?? {}
    if (!rolledBack) return false
    return servedAgainMs === undefined || askedMs - servedAgainMs <= staleMs
  }

  #closeEscrow(): void {
    this.#host.restart()?.successor?.closeEscrow()
  }
}

/**
 * How a server ends whose process was rolled back: its connections move back to the predecessor, unless that does
 * not listen there.
 */
function wayBack({ bound }: ManagedServer, { serves, moves }: RolledBack): Occasion {
  if (bound === null || !serves.includes(bound)) return { ...handoff, reason: 'shutdown' }
  return { ...handoff, migration: moves.migration }
}
