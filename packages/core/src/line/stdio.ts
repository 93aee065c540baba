import type { StdioOptions } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'

/** The descriptor of a line beside the channel, if a generation has one. */
export const extraLineFd = 5

/**
 * Calls `spawn` with the descriptors of a generation: our standard streams, and the channel as number 4.
 *
 * No other descriptor is passed. See docs/decisions.md, "Descriptors are not passed at the start"
 *
 * Number 3 is the null device, because a program may take 3 for its own: under s6 it reports there that it
 * is ready. What it writes there is dropped: the predecessor's 3 is closed, or is for the predecessor alone.
 *
 * The permission model may refuse to open it for writing, or at all: then what is written there fails, or 3 is closed.
 *
 * @param hasExtraLine adds another line to this process, as number 5
 * @throws Node's error if no descriptor is left
 */
export function withStdio<T>(spawn: (stdio: StdioOptions) => T, hasExtraLine = false): T {
  const nowhere = openNowhere()
  try {
    const stdio: StdioOptions = ['inherit', 'inherit', 'inherit', nowhere, 'ipc']
    return spawn(hasExtraLine ? [...stdio, 'pipe'] : stdio)
  } finally {
    if (nowhere !== 'ignore') closeSync(nowhere)
  }
}

function openNowhere(): number | 'ignore' {
  for (const flags of ['r+', 'r']) {
    try {
      return openSync(devNull, flags)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_ACCESS_DENIED') throw error
    }
  }
  return 'ignore'
}
