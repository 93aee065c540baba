import { fstatSync, readFileSync } from 'node:fs'
import { messageOf } from '../api/endless-error.js'
import type { Logger } from '../api/logger.js'
import type { ListenerAddress } from '../listeners/address.js'
import type { PassedListener } from '../listeners/passed-listener.js'
import { openListener } from '../node/internals/listening-handle.js'
import type { RawListener } from '../node/internals/raw-handle.js'
import type { PassedSocket } from './variables.js'

/**
 * Opens the sockets that a service manager has bound for this process, to be held until `listen` asks
 * for their address or their descriptor. If a socket cannot listen, logs a warning and leaves it alone.
 * See docs/decisions.md, "A socket of systemd is held like one of a predecessor"
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

/**
 * Returns the path of a Unix socket, which Node knows only if it bound the socket itself; the kernel
 * lists it (proc(5)). Closes the handle and throws if there is no path.
 */
function pathOf(fd: number, handle: RawListener): ListenerAddress {
  try {
    const inode = String(fstatSync(fd).ino)
    const line = readFileSync('/proc/self/net/unix', 'utf8')
      .split('\n')
      .map((text) => /^(?:\S+ +){6}(\d+) (.+)$/.exec(text))
      .find((match) => match?.[1] === inode)
    const path = line?.[2]?.replace(/^@/, '\0')
    if (path === undefined) throw new Error('/proc/self/net/unix does not list its path')
    // Without an identity: the path is the service manager's, whatever this process finds there.
    return { path, identity: '' }
  } catch (error) {
    handle.close()
    throw error
  }
}
