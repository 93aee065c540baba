import type { StdioOptions } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'

/**
 * Calls `spawn` with the descriptors of a generation: our standard streams, and the channel as number 4.
 *
 * Number 3 is the null device, because a program may take 3 for its own: under s6 it reports there that it
 * is ready. What it writes there is dropped: the predecessor's 3 is closed, or is for the predecessor alone.
 *
 * @throws Node's error if no descriptor is left
 */
export function withStdio<T>(spawn: (stdio: StdioOptions) => T): T {
  const nowhere = openSync(devNull, 'r+')
  try {
    return spawn(['inherit', 'inherit', 'inherit', nowhere, 'ipc'])
  } finally {
    closeSync(nowhere)
  }
}
