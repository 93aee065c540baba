import { Ancestry, type Descendant } from './ancestry.js'
import { OwnService, type LoneGeneration } from '../own-service.js'
import { messageOf } from '../../api/endless-error.js'
import { Events } from '../../api/events.js'
import { Adoption } from './adoption.js'
import { Launcher } from './launcher.js'
import type { Inheritance } from '../../handoff/protocol.js'
import { Lifecycle } from './lifecycle.js'
import { createStderrLogger } from '../../api/logger.js'
import { ProcessSettings } from './process-settings.js'
import { RestartRecord } from './restart-record.js'
import { Servers } from './servers.js'
import type { System } from '../../node/system.js'
import { Whereabouts } from './whereabouts.js'

/** What a process has for as long as it lives, whatever becomes of it. */
export interface Parts {
  readonly system: System
  readonly settings: ProcessSettings
  readonly events: Events
  readonly lifecycle: Lifecycle
  readonly servers: Servers
  readonly ancestry: Ancestry
  readonly whereabouts: Whereabouts
  readonly launcher: Launcher
  readonly record: RestartRecord
}

/**
 * Makes the parts of a process.
 *
 * @param generation the process itself, which is not asked for anything before all of it is there
 */
export function createParts(
  system: System,
  inheritance: Inheritance | undefined,
  generation: LoneGeneration & Pick<Descendant, 'takeOver'>,
): Parts {
  const settings = new ProcessSettings(createStderrLogger(system))
  const events = new Events((event, error) => {
    settings.logger.error(`A listener to '${event}' failed: ${messageOf(error)}; going on.`)
  })
  const servers = new Servers(system, settings)
  const adoption = new Adoption(servers, events)
  const ancestry = new Ancestry(system, settings, inheritance, {
    takeOver: (afterMs) => {
      generation.takeOver(afterMs)
    },
    adopt: (moved, handle) => adoption.adopt(moved, handle),
    answer: async (what) =>
      what === 'restart' ? generation.actions.restart() : generation.status(),
  })
  const whereabouts = new Whereabouts(system, settings, new OwnService(generation, settings))
  return {
    system,
    settings,
    events,
    lifecycle: new Lifecycle(),
    servers,
    ancestry,
    whereabouts,
    launcher: new Launcher({ system, settings, servers, ancestry, whereabouts }),
    record: new RestartRecord(system),
  }
}
