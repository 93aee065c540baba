import type { Outcome } from '../record/outcome.js'

/** Where requests go. */
export interface Target {
  host: string
  port: number
  /** The `Host` header: `localhost:3000`. */
  authority: string
  isTls: boolean
  /** Header of a response in which the server gives its pid. */
  pidHeader: string
  /** How long a request may take, in ms. */
  timeoutMs: number
}

/** One request, ready to be sent. */
export interface Call {
  /** For people: `GET /`. */
  name: string
  method: 'GET' | 'POST'
  path: string
  body?: Buffer
  /** The status that the path had before the load. */
  status: number
  /** Judges the body of a complete response; without it, any body will do. */
  judge?: (body: Buffer) => Verdict
}

/** An outcome, and what the system or the parser said. */
export interface Verdict {
  outcome: Outcome
  detail: string
}

/** What became of a call. */
export interface Reply extends Verdict {
  /** The status of a complete response. */
  status?: number
  /** The pid in the response, if it has one. */
  pid?: number | undefined
  /** How long the server said that it keeps an idle connection. */
  keepAliveMs?: number | undefined
}

/** A connection that can carry calls. */
export interface Wire {
  /** Whether another call may be sent on it. */
  readonly isUsable: boolean
  /** Sends a call, and never repeats it; never rejects. */
  send(call: Call): Promise<Reply>
  /** Closes the connection; a call on it fails. Resolves when nothing can arrive on it any more. */
  close(): Promise<void>
}

/** Judges a complete response. */
export function judge(call: Call, status: number, body: Buffer): Reply {
  if (status !== call.status) {
    const detail = `status ${status} in place of ${call.status}`
    return { outcome: 'wrong-status', detail, status }
  }
  return { ...(call.judge?.(body) ?? { outcome: 'answered', detail: '' }), status }
}

/** Returns the pid in a header; undefined if the header has none. */
export function pidIn(value: string | undefined): number | undefined {
  return value !== undefined && /^[1-9]\d{0,9}$/.test(value) ? Number(value) : undefined
}

/** Returns the outcome of a connection that could not be opened. */
export function unopened(error: NodeJS.ErrnoException): Verdict {
  const outcome = error.code === 'ECONNREFUSED' ? 'refused' : 'unconnected'
  return { outcome, detail: error.code ?? error.message }
}
