import { defaultHammerTimeMs } from './options.js'

/**
 * Defaults of every endless server, mutable as in Go: the timeouts are read when a server is made,
 * the hammer time when it begins to shut down. What is `undefined` is Node's own.
 */
export const defaults: {
  /** How long a client may take to send a whole request, in ms. @default Node's own */
  readTimeoutMs: number | undefined
  /** How long a whole response may take, in ms. @default no limit */
  writeTimeoutMs: number | undefined
  /** How long a request's header may be, in bytes. @default Node's own */
  maxHeaderBytes: number | undefined
  /** How long a drain may take, in ms; negative: for ever. @default 60_000 */
  hammerTimeMs: number
} = {
  readTimeoutMs: undefined,
  writeTimeoutMs: undefined,
  maxHeaderBytes: undefined,
  hammerTimeMs: defaultHammerTimeMs,
}
