import { messageOf } from '../../api/endless-error.js'
import type { Tally } from '../../control/tally.js'
import { type Child, startChild } from '../../handoff/child.js'
import { spawnFailed, Successor, type SuccessorHost } from '../../handoff/successor.js'
import { Environment } from '../../launch/environment.js'
import { createLaunch, currentDirectory, findOrigin, type Origin } from '../../launch/launch.js'
import { preloadFile } from '../../launch/preload-file.js'
import { formatAddress } from '../../listeners/address.js'
import { isUdp } from '../../listeners/passed-listener.js'
import type { System } from '../../node/system.js'
import type { Ancestry } from './ancestry.js'
import type { ProcessSettings } from './process-settings.js'
import type { Servers } from './servers.js'
import type { Whereabouts } from './whereabouts.js'

// How this process starts a successor.

/** What {@link Launcher} needs from the process. */
export interface LauncherHost {
  readonly system: System
  readonly settings: ProcessSettings
  readonly servers: Servers
  readonly ancestry: Ancestry
  readonly whereabouts: Whereabouts
  readonly tally: Tally
}

/** Starts successors, as children of this process or of its supervisor. */
export class Launcher {
  readonly #host: LauncherHost
  #origin: Origin
  readonly #environment: Environment

  constructor(host: LauncherHost) {
    const { system, ancestry } = host
    this.#host = host
    this.#origin = findOrigin(system, ancestry.predecessor?.directory ?? '')
    this.#environment = new Environment(system)
    const { physical } = this.#origin
    void ancestry.arriving?.then(() => {
      this.#origin = findOrigin(system, ancestry.predecessor?.directory ?? '', { physical })
    })
  }

  /** The directory that relative paths of the application refer to, by the name that the user knows. */
  get directory(): string {
    return currentDirectory(this.#host.system, this.#origin)
  }

  /** Call when the program has booted: variables that it has set by then are not passed on. */
  bootEnded(): void {
    this.#environment.bootEnded()
  }

  /**
   * Starts a successor.
   *
   * @param older what concerns this process and all older ones
   * @throws `ERR_ENDLESS_SPAWN_FAILED`; for some failures the successor's `ready` rejects instead
   */
  start(generation: number, older: Pick<SuccessorHost, 'answerOlder' | 'limit'>): Successor {
    const { system, settings, servers, ancestry, whereabouts, tally } = this.#host
    const { predecessor } = ancestry
    if (system.isForked) {
      settings.logger.warn(
        `Process ${String(system.ppid)} has forked this one, with a channel, which no successor gets: there, ` +
          '`process.send` is undefined, and the parent sees its child end. Let it start `endless run` instead.',
      )
    }
    const passed = servers.passable.filter((socket) => !isUdp(socket) || ancestry.passesUdp)
    const keys = passed.flatMap(({ bound, ticketKeys }) =>
      ticketKeys ? [[formatAddress(bound), ticketKeys] as const] : [],
    )
    const child = this.#startChild(generation)
    const { extraLine } = child
    return new Successor({
      system,
      child,
      passed,
      welcome: {
        generation,
        directory: this.#origin.logical,
        ticketKeys: Object.fromEntries(keys),
        serviceManager: ancestry.serviceManager?.address,
        control: whereabouts.bound,
        counts: tally.counts,
        ...(ancestry.slot > 0 && { slot: ancestry.slot, workers: ancestry.workers }),
      },
      readyTimeoutMs: settings.current.readyTimeoutMs,
      fallback:
        extraLine && predecessor
          ? predecessor.introduceHeir(extraLine)
          : Promise.resolve(undefined),
      ...older,
      adopt: (moved, handle) => servers.adopt(moved, handle),
      moved: (why) => {
        tally.moved(why)
      },
      keepPaths: () => {
        for (const { listening } of servers) listening.keepPath()
      },
      counted: (counts) => {
        tally.learn(counts)
      },
    })
  }

  #startChild(generation: number): Child {
    const { system, settings, ancestry } = this.#host
    const supervisor = ancestry.supervisor?.isGone ? undefined : ancestry.supervisor
    // A supervisor decides itself which generation serves.
    const hasFallback = !supervisor && ancestry.predecessor?.isGone === false
    const launch = createLaunch(
      system,
      this.#origin,
      {
        parent: supervisor ? system.ppid : system.pid,
        generation,
        isSupervised: supervisor !== undefined,
        orphaned: supervisor ? 'exit' : hasFallback ? 'ask' : 'serve',
        preload: preloadFile(),
        register: ancestry.register,
        options: ancestry.flags,
      },
      this.#environment.forSuccessor(),
      settings.current.successor,
    )
    if (supervisor) {
      const given = Object.entries(settings.current.successor ?? {})
      const overrides = given.flatMap(([name, value]) => (value === undefined ? [] : name))
      return supervisor.start(launch, overrides)
    }
    try {
      const onGarbage = (reason: unknown): void => {
        settings.logger.error(
          `Ignored what the successor wrote to its channel: ${messageOf(reason)}`,
        )
      }
      return startChild(system, launch, onGarbage, hasFallback)
    } catch (error) {
      throw spawnFailed(error, {
        successor: { number: generation, pid: undefined },
        predecessor: { number: ancestry.number, pid: system.pid },
      })
    }
  }
}
