import type { Progress } from './report/progress.js'
import type { Limits } from './report/verdict.js'
import type { LoadSize } from './traffic/load.js'
import type { WeightedPath } from './traffic/plan.js'

/** Where a rehearsal gets its server from, what load it puts on it, and how it restarts it. */
export interface RehearseOptions {
  /** The command that starts the server. Without it, `url` names one that runs. */
  command?: readonly [string, ...string[]] | undefined
  /** Where the server is. @default the port in `PORT`, or where the command listens */
  url?: string | undefined
  /** A host other than this machine that the user said is theirs. */
  ownHost?: string | undefined
  /** How often the server is restarted. @default 3 */
  restarts?: number | undefined
  /** A command for the shell that restarts the server. @default SIGHUP to the process of `command` */
  restartCommand?: string | undefined
  /** Restarts the server in another way: the name of that way, and what does it. */
  restartBy?: { name: string; restart: () => Promise<void> } | undefined
  /** Paths for GET. @default `/` */
  paths?: readonly WeightedPath[] | undefined
  /** A path that responds to POST with the body of the request. */
  echo?: string | undefined
  isHttp2?: boolean | undefined
  size?: Partial<LoadSize> | undefined
  /** Header of the responses that holds the pid of the server. @default `x-pid`, if it is there */
  pidHeader?: string | undefined
  /** Time without a restart before the first one, between two, and after the last. @default 3_000 */
  calmMs?: number | undefined
  /** How long the window of a restart stays open after the first answer of a new process. @default 2_000 */
  settleMs?: number | undefined
  /** How long a request may take. @default 10_000 */
  timeoutMs?: number | undefined
  /** How long the server may take to listen. @default 30_000 */
  startTimeoutMs?: number | undefined
  /** How long a restart may take until a new process answers. @default 60_000 */
  restartTimeoutMs?: number | undefined
  /** How long all may take. @default 600_000 */
  maxDurationMs?: number | undefined
  limits?: Partial<Limits> | undefined
  /** The command line of the rehearsal, for the report. */
  commandLine?: string | undefined
  /** Ends the rehearsal early, in a report. */
  signal?: AbortSignal | undefined
  /** Called with each step. */
  onStep?: ((step: string) => void) | undefined
  /** Called ten times a second with what has been counted so far. */
  onProgress?: ((progress: Progress) => void) | undefined
}

export const defaultSize: LoadSize = {
  kept: 50,
  rate: 500,
  fresh: 50,
  idle: 20,
  webSockets: 10,
  webSocketPath: undefined,
}
