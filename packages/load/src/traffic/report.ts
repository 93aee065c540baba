import type { Closure, ConnectionCounts } from './connections.js'
import type { Failure } from './failure.js'
import type { LatencySummary } from './latency.js'
import type { RestartTiming } from './restart-windows.js'

// What a load reports: counts, failures, latencies and restarts.

export interface GenerationCount {
  pid: number
  /** The generation's number, if the program reports it. */
  generation?: number | undefined
  requests: number
  /** Milliseconds since `start()`. */
  firstAnswerAtMs: number
  lastAnswerAtMs: number
}

export interface LoadReport {
  durationMs: number
  /** Requests that were answered or failed, without those in flight. */
  requests: number
  answered: number
  failed: number
  /** The first 1,000 failures. */
  failures: Failure[]
  /** In the order of their first answers. */
  generations: GenerationCount[]
  /** Response times, without those of the warm-up. */
  latency: { calm: LatencySummary; control: LatencySummary; restart: LatencySummary }
  connections: ConnectionCounts
  /** The kept connections that the server ended unannounced. */
  closures: Closure[]
  /** One entry for each `markRestart()`. */
  restarts: RestartTiming[]
}
