import { randomBytes } from 'node:crypto'
import type { Call, Verdict } from '../wire/call.js'

// Which requests are sent.

/** A path for GET, and how often it is chosen among the others. */
export interface WeightedPath {
  path: string
  weight: number
  /** Whether it may fail before the load, and is then left out. @default false */
  isFromLog?: boolean
}

/** A path as the plan knows it: with the status that it had before the load. */
export interface PlannedPath extends WeightedPath {
  status: number
}

const maxBodyBytes = 16_384
// Slices of one random block are as good as new random bytes, and cost nothing under load.
const noise = randomBytes(1_048_576)
/** Marks the bodies of this rehearsal: before the number of the body. */
const mark = `rehearse-${randomBytes(4).toString('hex')}-`
const numberLength = 10
const headLength = mark.length + numberLength

/** Chooses requests at random: GETs by their weights, and where a path echoes, a POST every other time. */
export class Plan {
  readonly #gets: { call: Call; upTo: number }[] = []
  readonly #weight: number
  readonly #echo: PlannedPath | undefined
  #bodies = 0

  constructor(paths: readonly PlannedPath[], echo?: PlannedPath) {
    let upTo = 0
    for (const { path, weight, status } of paths) {
      upTo += weight
      this.#gets.push({ call: { name: `GET ${path}`, method: 'GET', path, status }, upTo })
    }
    this.#weight = upTo
    this.#echo = echo
  }

  next(): Call {
    if (this.#echo && (this.#gets.length === 0 || Math.random() < 0.5))
      return this.#post(this.#echo)
    const point = Math.random() * this.#weight
    const chosen = this.#gets.find(({ upTo }) => point < upTo) ?? this.#gets.at(-1)
    if (!chosen) throw new Error('a plan needs a path')
    return chosen.call
  }

  #post({ path, status }: PlannedPath): Call {
    const length = Math.ceil(Math.random() * maxBodyBytes)
    const from = Math.floor(Math.random() * (noise.length - length))
    const head = mark + String(++this.#bodies).padStart(numberLength, '0')
    const body = Buffer.concat([Buffer.from(head), noise.subarray(from, from + length)])
    return {
      name: `POST ${path}`,
      method: 'POST',
      path,
      body,
      status,
      judge: (received) => judgeEcho(body, received),
    }
  }
}

/** Compares an echo with what was sent. */
function judgeEcho(sent: Buffer, received: Buffer): Verdict {
  if (received.equals(sent)) return { outcome: 'answered', detail: '' }
  const head = received.toString('latin1', 0, headLength)
  const isForeign =
    head.startsWith(mark) &&
    /^\d+$/.test(head.slice(mark.length)) &&
    head !== sent.toString('latin1', 0, headLength)
  return {
    outcome: isForeign ? 'foreign-body' : 'wrong-body',
    detail:
      `sent ${sent.length} bytes, got ${received.length}` +
      (received.length === sent.length ? ' different ones' : ''),
  }
}
