import { randomBytes } from 'node:crypto'
import type http from 'node:http'

// Kinds of requests: what each call sends, and what it expects back.

/** A complete response. */
export interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  body: Buffer
  reusedSocket: boolean
}

/** Lower and upper bound, both included. */
export type Range = readonly [from: number, to: number]

/** One request, ready to be sent. */
export interface Call {
  name: string
  method: string
  path: string
  body?: Buffer
  /** Pause between the first half of the body and the rest. */
  pauseMs?: number
  /** Returns what is wrong with the content of a complete response, or undefined. */
  verify?: (answer: Answer) => string | undefined
  /** @default 200 */
  expectedStatus?: number
}

/** Creates the next call of its kind; a load picks a kind at random for each request. */
export type CallKind = () => Call

export interface EchoOptions {
  path?: string
  /** @default [1, 16_384] */
  bodyBytes?: Range
  /** Makes the request last longer: the second half of the body follows after this pause. @default [0, 0] */
  pauseMs?: Range
}

// Slices of one random block are as good as new random bytes, and cost nothing under load.
const noise = randomBytes(4 * 1024 * 1024)

/** Returns a kind of call that sends GET `path` and expects a body that is not empty. */
export function get(path = '/'): CallKind {
  const call: Call = {
    name: `GET ${path}`,
    method: 'GET',
    path,
    verify: (answer) => (answer.body.length > 0 ? undefined : 'the body is empty'),
  }
  return () => call
}

/**
 * Returns a kind of call that posts random bytes and expects exactly these bytes back.
 *
 * @throws RangeError if `bodyBytes` allows more than 4 MiB
 */
export function postEcho(options: EchoOptions = {}): CallKind {
  const { path = '/echo', bodyBytes = [1, 16_384], pauseMs = [0, 0] } = options
  if (bodyBytes[1] > noise.length) throw new RangeError(`bodyBytes: at most ${noise.length}`)
  return () => {
    const length = Math.round(pick(bodyBytes))
    const from = Math.floor(Math.random() * (noise.length - length + 1))
    const body = noise.subarray(from, from + length)
    return {
      name: `POST ${path}`,
      method: 'POST',
      path,
      body,
      pauseMs: pick(pauseMs),
      verify: (answer) =>
        answer.body.equals(body)
          ? undefined
          : `sent ${length} bytes, got ${answer.body.length}` +
            (answer.body.length === length ? ' different ones' : ''),
    }
  }
}

/** Returns a number between both bounds, evenly spread. */
export function pick([from, to]: Range): number {
  return from + Math.random() * (to - from)
}

/** Returns a random element, each with the same probability. */
export function pickOne<T>(choices: readonly [T, ...T[]]): T {
  return choices[Math.floor(Math.random() * choices.length)] ?? choices[0]
}
