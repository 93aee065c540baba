import { type Cell } from './cells.js'
import { runCell } from './run-cell.js'
import type { Outcome } from './outcome.js'
import type { Files } from './service.js'

/**
 * Runs cells, some at once, and calls `onEnd` with each outcome. A cell that cannot be run at all counts as one in
 * which the moment did not come.
 */
export async function runCells(
  cells: readonly Cell[],
  files: Files,
  { jobs, onEnd }: { jobs: number; onEnd: (outcome: Outcome) => void },
): Promise<void> {
  const waiting = [...cells]
  const work = async (): Promise<void> => {
    for (let cell = waiting.shift(); cell; cell = waiting.shift()) onEnd(await attempt(cell, files))
  }
  await Promise.all(Array.from({ length: jobs }, work))
}

async function attempt(cell: Cell, files: Files): Promise<Outcome> {
  try {
    return await runCell(cell, files)
  } catch (error) {
    const detail = String((error as Error).stack ?? error)
    const broken = [{ breach: 'the moment did not come' as const, detail }]
    const nothing = { serving: 'nobody', lost: 0, closed: 0, excused: 0 } as const
    return { ...nothing, id: cell.id, slowestMs: 0, durationMs: 0, broken, history: '' }
  }
}
