import type { Recorder } from '../record/recorder.js'
import { isClosedByServer, warmUpMs } from '../report/build-report.js'
import { unknownDot } from './thin.js'

const bins = 240

/** The long-lived connections over time, for each of 240 slices. */
export interface Band {
  /** The end of each slice, in s since the rehearsal began. */
  times: number[]
  /** How many are open at that moment, by generation of the process that has them; -2 for an unknown one. */
  open: { generation: number; counts: number[] }[]
  /** How many were opened after the beginning, moved, or closed by the server, in the slice. */
  opened: number[]
  moved: number[]
  closed: number[]
}

/** Follows the connections that clients keep: all but those for one request. */
export function bandOf(recorder: Recorder, durationMs: number): Band {
  const zeros = (): number[] => Array.from({ length: bins }, () => 0)
  const binMs = Math.max(1, durationMs / bins)
  const band = { opened: zeros(), moved: zeros(), closed: zeros() }
  const open = new Map<number, number[]>()
  const holders = new Map<number, number>()
  const events = recorder.connections.events.filter(({ kind }) => kind !== 'fresh')
  const counts = new Map<number, number>()
  const add = (generation: number, by: number): void => {
    counts.set(generation, (counts.get(generation) ?? 0) + by)
  }
  let next = 0
  for (let bin = 0; bin < bins; bin++) {
    for (; (events[next]?.atMs ?? Infinity) <= (bin + 1) * binMs; next++) {
      const event = events[next]
      if (!event) break
      const generation = recorder.processes.all[event.process]?.generation ?? unknownDot
      const before = holders.get(event.connection)
      if (before !== undefined) add(before, -1)
      holders.delete(event.connection)
      if (event.what === 'opened' || event.what === 'moved') {
        add(generation, 1)
        holders.set(event.connection, generation)
        if (event.what === 'moved') bump(band.moved, bin)
        // The first connections of the clients are no change.
        else if (event.atMs > warmUpMs) bump(band.opened, bin)
      } else if (isClosedByServer(event.what)) {
        bump(band.closed, bin)
      }
    }
    for (const [generation, count] of counts) {
      const column = open.get(generation) ?? zeros()
      open.set(generation, column)
      column[bin] = count
    }
  }
  return {
    times: Array.from({ length: bins }, (_, bin) => Math.round((bin + 1) * binMs) / 1_000),
    open: [...open]
      .sort(([one], [other]) => one - other)
      .map(([generation, column]) => ({ generation, counts: column })),
    ...band,
  }
}

function bump(column: number[], at: number): void {
  column[at] = (column[at] ?? 0) + 1
}
