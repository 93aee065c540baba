import { countConnections } from '../../connections/count.js'
import type { ServerStatus } from '../../api/generation.js'
import type { PassedListener } from '../../handoff/successor.js'
import type { PassedTicketKeys } from '../../handoff/protocol.js'
import { runHooks, type HookPhase, type HookSignal } from '../../api/hooks.js'
import { defaultHammerTimeMs } from '../../api/options.js'
import type { ProcessSettings } from './process-settings.js'
import type { ManagedServer } from '../../server/managed-server.js'
import type { System } from '../../node/system.js'

/** The servers of this process, from when they listen until they have terminated. */
export class Servers extends Set<ManagedServer> {
  readonly #system: System
  readonly #settings: ProcessSettings

  constructor(system: System, settings: ProcessSettings) {
    super()
    this.#system = system
    this.#settings = settings
  }

  find(isIt: (server: ManagedServer) => boolean): ManagedServer | undefined {
    return [...this].find(isIt)
  }

  /** The longest hammer time: what else of the application is bounded by. */
  get boundMs(): number {
    const times = [...this].map((server) => server.hammerTimeMs)
    return Math.max(0, ...times.map((time) => (time < 0 ? defaultHammerTimeMs : time)))
  }

  /** What a successor is given. */
  get passable(): (PassedListener & { ticketKeys: PassedTicketKeys | undefined })[] {
    return [...this].flatMap((server) => server.passable ?? [])
  }

  /** Where those are bound that take over open connections. */
  get adopting(): string[] {
    return [...this].flatMap(({ adopts, bound }) => (adopts && bound !== null ? [bound] : []))
  }

  get status(): ServerStatus[] {
    return [...this].map(({ server, address, state, connections }) => ({
      address,
      state,
      ...countConnections(server, connections),
    }))
  }

  runHooks(phase: HookPhase, signal: HookSignal): Promise<void> {
    return runHooks(
      [...this].map(({ hooks }) => hooks),
      phase,
      signal,
      { system: this.#system, logger: this.#settings.logger, boundMs: this.boundMs },
    )
  }
}
