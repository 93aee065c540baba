import { fstatSync, readFileSync } from 'node:fs'
import { messageOf } from '../api/endless-error.js'
import type { Logger } from '../api/logger.js'
import type { BoundAddress } from '../listeners/address.js'
import type { PassedListener } from '../listeners/passed-listener.js'
import { openListener, type RawListener } from '../node/internals.js'
import type { PassedSocket } from './variables.js'

/**
 * Opens the sockets that a service manager has bound for this process: held until somebody listens where
 * they are bound, or on their descriptor. One that cannot be listened on is warned about and left alone.
 */
export function openPassedSockets(
  sockets: readonly PassedSocket[],
  logger: Logger,
): PassedListener[] {
  return sockets.flatMap(({ fd, name }) => {
    try {
      const { handle, address } = openListener(fd)
      return { asked: `fd:${String(fd)}`, bound: address ?? pathOf(fd, handle), handle, name }
    } catch (error) {
      logger.warn(
        `Cannot listen on the passed socket '${name}' (${String(fd)}): ${messageOf(error)}`,
      )
      return []
    }
  })
}

/** Node does not tell the path of a Unix socket that it has not bound; the kernel does (proc(5)). */
function pathOf(fd: number, handle: RawListener): BoundAddress {
  try {
    const inode = String(fstatSync(fd).ino)
    const line = readFileSync('/proc/self/net/unix', 'utf8')
      .split('\n')
      .map((text) => /^(?:\S+ +){6}(\d+) (.+)$/.exec(text))
      .find((match) => match?.[1] === inode)
    const path = line?.[2]?.replace(/^@/, '\0')
    if (path === undefined) throw new Error('the kernel does not tell its path')
    // Without an identity: the path is the service manager's, whatever it looks like from here.
    return { path, identity: '' }
  } catch (error) {
    handle.close()
    throw error
  }
}
