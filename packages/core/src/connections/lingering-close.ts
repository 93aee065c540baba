import type net from 'node:net'
import { newestRequestOn } from '../node/internals/http1-connection.js'
import { shadow } from '../node/shadow.js'
import type { System } from '../node/system.js'

/** How long a client may take to close a connection that has said `close` and ended on our side. */
const lingerMs = 2_000

/**
 * Makes Node end a connection in two steps after its last response: only our side at once, and all of it when the
 * client has closed, or after a while. Node itself calls `destroySoon` (lib/_http_server.js, resOnFinish), which
 * closes the socket as soon as the kernel has the response. If the client has sent anything more by then, the kernel
 * resets the connection, and the client can lose the response (RFC 9112, section 9.6).
 *
 * See docs/decisions.md, "A connection is closed in two steps"
 */
export function lingerAtEnd(socket: net.Socket, system: System): void {
  shadow(socket, 'destroySoon', () => {
    if (socket.writable) socket.end()
    const wait = (): void => {
      destroyLater(socket, system)
    }
    if (socket.writableFinished) wait()
    else socket.once('finish', wait)
  })
}

function destroyLater(socket: net.Socket, system: System): void {
  const { bytesRead } = socket
  // Unreferenced: the drain itself holds the process.
  const timer = system
    .setTimeout(() => {
      // A body that is still coming gets the time that it needs: its client may not read before it has sent all.
      const isUploading = newestRequestOn(socket)?.complete === false
      if (isUploading && socket.bytesRead > bytesRead) destroyLater(socket, system)
      else socket.destroy()
    }, lingerMs)
    .unref()
  socket.once('close', () => {
    clearTimeout(timer)
  })
}
