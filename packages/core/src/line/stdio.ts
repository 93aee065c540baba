import type { StdioOptions } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'

/**
 * Starts a generation with the descriptors that it has: ours, and the channel.
 *
 * The channel is not number 3, which a program may take for its own: under s6 it says there that it is ready. There
 * it writes to nothing, since its predecessor's has been closed, or is for that alone.
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
