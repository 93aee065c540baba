export { isBackedUp } from './node/internals/channel-handle.js'
export { type RawHandle, type RawListener } from './node/internals/raw-handle.js'
// Exports for `@endless/cli` alone, which it needs before it starts a program.
export {
  EndlessError,
  type EndlessErrorCode,
  type EndlessErrorDetails,
  messageOf,
} from './api/endless-error.js'
export { durationOf } from './api/duration.js'
export type { MoveReason } from './api/diagnostics.js'
export { atStart, generationName } from './api/generation-name.js'
export { isInJson, type JsonOptions, keysIn, parseJsonOptions } from './api/json-options.js'
export { sayIfLong } from './api/long-wait.js'
export { createStderrLogger, type Logger } from './api/logger.js'
export { optionNames } from './api/option-checks.js'
export { defaultTexts, optionText } from './api/option-texts.js'
export type { EndlessOptions } from './api/options.js'
export {
  mostWorkers,
  type SupervisorOptions,
  supervisorOptionNames,
  supervisorOptionsIn,
} from './api/supervisor-options.js'
export { oneLine, printableJson } from './api/one-line.js'
export type { LastRestart, RestartOptions, RestartReport, RestartRequest } from './api/reports.js'
export type { GenerationStatus, GivenOption, LeftServer } from './api/status.js'
export { readPid } from './control/read-pid.js'
export * from './control/service.js'
export { type Counts, type RestartOutcome, Tally } from './control/tally.js'
export { type ErrorReport, longestReport, type RefusalReport } from './handoff/error-report.js'
export { keptChars, LastWords } from './handoff/last-words.js'
export * from './handoff/protocol.js'
export { currentDirectory, findOrigin } from './launch/launch.js'
export { preloadFile } from './launch/preload-file.js'
export { renumbered, withEntry } from './launch/entry.js'
export type { Channel } from './line/channel.js'
export { OwnedHandle } from './line/owned-handle.js'
export { isPeerGone } from './line/peer-gone.js'
export { withStdio } from './line/stdio.js'
export { channelTo } from './line/to-child.js'
export { formatAddress } from './listeners/address.js'
export {
  isUdp,
  type ListenerName,
  type Passable,
  type PassedListener,
} from './listeners/passed-listener.js'
export type { PassedTicketKeys } from './listeners/ticket-keys.js'
export type { MovedConnection } from './migration/migration.js'
export type { MovedUpgrade } from './migration/upgrade-migration.js'

export { findManifest, findOptions, nameIn, programPlaces } from './node/manifest.js'
export { createNodeSystem, type System } from './node/system.js'
export { deferred, late, turns, within, type Deferred } from './node/waits.js'
export { strongest } from './process/given-options.js'
export { flagsName } from './process/parts/outside-options.js'
export { RestartRecord } from './process/parts/restart-record.js'
export { SignOfLife } from './process/sign-of-life.js'
export {
  takeServiceVariables,
  type NotifyAddress,
  type PassedSocket,
} from './service-manager/variables.js'
