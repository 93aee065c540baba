import type { Generation } from './api/generation.js'
import { currentRuntime } from './process/runtime.js'

// The public API of `@endless/core`.
// See docs/decisions.md, "Only ESM, and no top-level await"

export { endless } from './endless.js'
export * from './go.js'
export { closeWebSockets } from './web-sockets.js'
export type { ClosableWebSocket, CloseWebSocketsOptions, WebSocketHolder } from './web-sockets.js'
export type { DrainTrace, MoveReason, MoveTrace, RestartTrace } from './api/diagnostics.js'
export { EndlessError, errorCodes } from './api/endless-error.js'
export type { EndlessErrorCode, EndlessErrorDetails } from './api/endless-error.js'
export type { EndlessServer } from './api/endless-server.js'
export type { GenerationEvents } from './api/events.js'
export type { Generation, TerminateHook } from './api/generation.js'
export type { HookOptions, HookPhase, HookSignal, SignalHook } from './api/hooks.js'
export type { JsonOptions } from './api/json-options.js'
export type { Logger } from './api/logger.js'
export type {
  AskServer,
  EndlessOptions,
  ProcessOptions,
  ServerOptions,
  SuccessorOptions,
  WarmUp,
} from './api/options.js'
export type { LastRestart, RestartReport, RestartRequest, ShutdownReport } from './api/reports.js'
export type {
  ConnectionCounts,
  GenerationState,
  GenerationStatus,
  GivenOption,
  LeftServer,
  ServerStatus,
  State,
} from './api/status.js'

/** This process: one run of the program in a chain of restarts. */
export const generation: Generation = currentRuntime()
