import type { ConnectionCounts } from './connections.js'
import type { Failure } from './failure.js'
import type { LatencySummary } from './latency.js'
import type { RestartTiming } from './restart-windows.js'

export interface GenerationCount {
  pid: number
  /** What the program says; unknown where it says nothing. */
  generation?: number | undefined
  requests: number
  /** Milliseconds since `start()`. */
  firstAnswerAtMs: number
  lastAnswerAtMs: number
}

export interface LoadReport {
  durationMs: number
  /** Requests that were answered or failed; those in flight are in neither. */
  requests: number
  answered: number
  failed: number
  /** The first thousand of them. */
  failures: Failure[]
  /** In the order of their first answers. */
  generations: GenerationCount[]
  latency: { calm: LatencySummary; restart: LatencySummary }
  connections: ConnectionCounts
  /** One for each `markRestart()`. */
  restarts: RestartTiming[]
}
