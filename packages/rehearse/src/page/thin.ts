import { isLost } from '../record/outcome.js'
import type { Recorder } from '../record/recorder.js'

/** The requests that a page draws, as columns; sorted by time. */
export interface Dots {
  /** When the request was sent, in s since the rehearsal began. */
  times: number[]
  latenciesMs: number[]
  /** Index into the list of series: a generation, or -1 for a lost request, -2 for an unknown process. */
  generations: number[]
  /** How many requests there were. */
  total: number
}

export const lostDot = -1
export const unknownDot = -2

const slices = 300
const othersDrawn = 6_000

interface Dot {
  sentMs: number
  latencyMs: number
  generation: number
}

/**
 * Chooses which requests are drawn. Always: each one that is lost, and in each of 300 slices of time the fastest and
 * the slowest of each generation. Of the others every k-th, so that about 6,000 are drawn.
 */
export function thin(recorder: Recorder, durationMs: number): Dots {
  const drawn: Dot[] = []
  const slowest = new Map<string, Dot>()
  const fastest = new Map<string, Dot>()
  const step = Math.max(1, Math.ceil(recorder.requests.length / othersDrawn))
  let at = 0
  for (const { sentMs, endedMs, outcome, process } of recorder.requests) {
    const known = recorder.processes.all[process]
    const generation = isLost(outcome) ? lostDot : (known?.generation ?? unknownDot)
    const dot = { sentMs, latencyMs: endedMs - sentMs, generation }
    if (generation === lostDot || at++ % step === 0) {
      drawn.push(dot)
      continue
    }
    const place = `${Math.floor((sentMs / durationMs) * slices)} ${generation}`
    const slow = slowest.get(place)
    if (!slow || slow.latencyMs < dot.latencyMs) slowest.set(place, dot)
    const fast = fastest.get(place)
    if (!fast || fast.latencyMs > dot.latencyMs) fastest.set(place, dot)
  }
  const dots = [...new Set([...drawn, ...slowest.values(), ...fastest.values()])].sort(
    (one, other) => one.sentMs - other.sentMs,
  )
  return {
    times: dots.map(({ sentMs }) => Math.round(sentMs) / 1_000),
    latenciesMs: dots.map(({ latencyMs }) => Math.round(latencyMs * 100) / 100),
    generations: dots.map(({ generation }) => generation),
    total: recorder.requests.length,
  }
}
