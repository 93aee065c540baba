// What happened in a cell.

/** What can be broken; the written table knows it by these names. */
export const breaches = [
  'the moment did not come',
  'requests lost',
  'connections closed',
  'it does not settle',
  'nobody or too many serve',
  'two versions serve',
  'the pid file misleads',
  'the next restart fails',
  'the stop fails',
  'processes left',
  'files left',
  'a process died by itself',
] as const

export type Breach = (typeof breaches)[number]

/** Who serves at the end: what served before, the successor of then, a later generation, or nobody. */
export type Serving = 'old' | 'new' | 'later' | 'nobody' | 'mixed'

export interface Outcome {
  id: string
  serving: Serving
  /** Requests that were lost, without those that are excused. */
  lost: number
  /** Kept connections that were closed without a word, without those that are excused. */
  closed: number
  /** Losses and closed connections that the fault itself explains. */
  excused: number
  slowestMs: number
  durationMs: number
  /** What was not as promised, each with a sentence. */
  broken: { breach: Breach; detail: string }[]
  history: string
}
