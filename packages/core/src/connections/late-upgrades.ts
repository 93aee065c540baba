import net from 'node:net'
import { shadow } from '../node/shadow.js'

/** The events that bring a connection that has left HTTP/1. */
const upgradeEvents: ReadonlySet<unknown> = new Set(['upgrade', 'connect'])

type Emit = (event: string | symbol, ...args: unknown[]) => boolean

/**
 * Tells of each connection that leaves HTTP from now on. Not by a listener: Node upgrades a connection
 * only if there is one (lib/_http_server.js, parserOnIncoming), and the application may take its own
 * away, as `ws` does in its `close`.
 *
 * @returns what undoes it
 */
export function watchUpgrades(
  server: net.Server,
  onUpgraded: (socket: net.Socket) => void,
): () => void {
  let isOver = false
  const emit = server.emit.bind(server) as Emit
  const restore = shadow(server, 'emit', (event: string | symbol, ...args: unknown[]): boolean => {
    const isHeard = emit(event, ...args)
    const socket = args[1]
    // HTTP/2 has a 'connect' too: of a stream, which lives and ends with its session.
    if (isHeard && upgradeEvents.has(event) && socket instanceof net.Socket) {
      // The application has answered it by then, or refused it, unless it has to ask somebody first.
      setImmediate(() => {
        if (!isOver && !socket.destroyed && !socket.writableEnded) onUpgraded(socket)
      })
    }
    return isHeard
  })
  return () => {
    isOver = true
    restore()
  }
}
