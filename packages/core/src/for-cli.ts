// What `@endless/cli` needs of this package. Internal: nobody else imports it.
export { withPreload } from './launch/node-options.js'
export { currentDirectory, findOrigin } from './launch/launch.js'
export { channelTo } from './line/to-child.js'
export { HandleLost } from './line/confirmed.js'
export { reasonOf } from './handoff/error-report.js'
export { withStdio } from './line/stdio.js'
export { preloadUrl } from './launch/preload-url.js'
export * from './control/service.js'
export { EndlessError } from './api/endless-error.js'
export * from './handoff/protocol.js'
export type { RawHandle, RawListener } from './node/internals.js'
export { formatAddress } from './listeners/address.js'
export { createStderrLogger, type Logger } from './api/logger.js'
export type { LastRestart, RestartReport } from './api/reports.js'
export { RestartRecord } from './process/parts/restart-record.js'
export type { GenerationStatus } from './api/generation.js'
export {
  takeServiceVariables,
  type NotifyAddress,
  type PassedSocket,
} from './service-manager/variables.js'
export { createNodeSystem, type System } from './node/system.js'
