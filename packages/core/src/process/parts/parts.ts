import type { Events } from '../../api/events.js'
import type { Tally } from '../../control/tally.js'
import type { System } from '../../node/system.js'
import type { Ancestry } from './ancestry.js'
import type { Launcher } from './launcher.js'
import type { LeftServers } from './left-servers.js'
import type { Lifecycle } from './lifecycle.js'
import type { OutsideOptions } from './outside-options.js'
import type { ProcessSettings } from './process-settings.js'
import type { RestartRecord } from './restart-record.js'
import type { Servers } from './servers.js'
import type { Whereabouts } from './whereabouts.js'

/** The parts that a process has for as long as it lives. */
export interface Parts {
  readonly system: System
  readonly outside: OutsideOptions
  readonly settings: ProcessSettings
  readonly events: Events
  readonly lifecycle: Lifecycle
  readonly servers: Servers
  readonly left: LeftServers
  readonly ancestry: Ancestry
  readonly whereabouts: Whereabouts
  readonly launcher: Launcher
  readonly record: RestartRecord
  readonly tally: Tally
}
