import { type Quantile, Latencies } from '../report/latencies.js'
import { warmUpMs } from '../report/build-report.js'
import { type Window, windowAt, windowsOf } from '../report/windows.js'
import type { Recorder } from '../record/recorder.js'
import { type Band, bandOf } from './band.js'
import { type Dots, lostDot, thin, unknownDot } from './thin.js'

/** What the charts of a page are drawn from. */
export interface ChartData {
  durationS: number
  windows: { fromS: number; toS: number }[]
  dots: Dots
  band: Band
  quantiles: { calm: Quantile[]; restarts: Quantile[] }
  lostDot: number
  unknownDot: number
  /** How many colors there are for generations; then they begin again. */
  colors: number
}

/** Chooses and adds up what the charts of a rehearsal show. */
export function chartDataOf(recorder: Recorder, durationMs: number, colors: number): ChartData {
  const windows = windowsOf(recorder.restarts, durationMs)
  return {
    durationS: durationMs / 1_000,
    windows: windows.map(({ fromMs, toMs }) => ({ fromS: fromMs / 1_000, toS: toMs / 1_000 })),
    dots: thin(recorder, durationMs),
    band: bandOf(recorder, durationMs),
    quantiles: quantilesOf(recorder, windows),
    lostDot,
    unknownDot,
    colors,
  }
}

function quantilesOf(recorder: Recorder, windows: readonly Window[]): ChartData['quantiles'] {
  const calm: number[] = []
  const restarts: number[] = []
  for (const { sentMs, endedMs, outcome } of recorder.requests) {
    if (outcome !== 'answered' || sentMs < warmUpMs) continue
    ;(windowAt(windows, sentMs, endedMs) < 0 ? calm : restarts).push(endedMs - sentMs)
  }
  return {
    calm: new Latencies(calm).quantiles,
    restarts: new Latencies(restarts).quantiles,
  }
}
