import { defaultHammerTimeMs } from './options.js'

/**
 * Defaults of every endless server; you can change them, as in Go. The hammer time is read when a drain
 * begins, the others when a server becomes endless. `undefined` means Node's own default.
 */
export const defaults: {
  /** How long a client may take to send a whole request, in ms. @default Node's own */
  readTimeoutMs: number | undefined
  /** How long a whole response may take, in ms. @default no limit */
  writeTimeoutMs: number | undefined
  /** How long a request's header may be, in bytes. @default Node's own */
  maxHeaderBytes: number | undefined
  /** How long a drain may take, in ms; negative: no limit. @default 60_000 */
  hammerTimeMs: number
} = {
  readTimeoutMs: undefined,
  writeTimeoutMs: undefined,
  maxHeaderBytes: undefined,
  hammerTimeMs: defaultHammerTimeMs,
}
