// What `@endless/cli` needs of this package. Internal: nobody else imports it.
export { withPreload } from './handoff/node-options.js'
export { currentDirectory, findOrigin } from './handoff/launch.js'
export { channelTo } from './handoff/channel.js'
export { HandleLost } from './handoff/confirmed.js'
export { reasonOf } from './handoff/place.js'
export { withStdio } from './handoff/stdio.js'
export { preloadUrl } from './handoff/preload-url.js'
export * from './control/service.js'
export { EndlessError } from './errors.js'
export * from './handoff/protocol.js'
export type { RawHandle, RawListener } from './internals.js'
export { formatAddress } from './listeners/address.js'
export { createStderrLogger, type Logger } from './logger.js'
export type { LastRestart, RestartReport } from './reports.js'
export { RestartRecord } from './restart-record.js'
export type { GenerationStatus } from './generation.js'
export {
  takeServiceVariables,
  type NotifyAddress,
  type PassedSocket,
} from './service-manager/variables.js'
export { createNodeSystem, type System } from './system.js'
