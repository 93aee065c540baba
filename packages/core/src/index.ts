export { endless } from './endless.js'
export type { ConnectionCounts } from './connections/count.js'
export { generation } from './api/generation.js'
export type { Generation, GenerationStatus, ServerStatus, TerminateHook } from './api/generation.js'
export * from './go.js'
export { closeWebSockets } from './web-sockets.js'
export type { ClosableWebSocket, CloseWebSocketsOptions, WebSocketHolder } from './web-sockets.js'
export { EndlessError, errorCodes } from './api/endless-error.js'
export type { EndlessErrorCode, EndlessErrorDetails } from './api/endless-error.js'
export type { EndlessServer } from './api/endless-server.js'
export type { GenerationEvents } from './api/events.js'
export type { HookOptions, HookPhase, HookSignal, SignalHook } from './api/hooks.js'
export type { GenerationState, State } from './process/parts/lifecycle.js'
export type { Logger } from './api/logger.js'
export type {
  EndlessOptions,
  ProcessOptions,
  ServerOptions,
  SuccessorOptions,
} from './api/options.js'
export type { LastRestart, RestartReport, ShutdownReport } from './api/reports.js'
