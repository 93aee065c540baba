import type net from 'node:net'
import { invalidOption } from './api/option-checks.js'

/** What {@link closeWebSockets} needs from a WebSocket; those of `ws` fit. */
export interface ClosableWebSocket {
  /** 1 while it is open, as in every WebSocket API. */
  readonly readyState: number
  close(code: number, reason: string): void
}

/** An object with WebSockets, such as a `WebSocketServer` of `ws`; `clients` is read anew in each window. */
export interface WebSocketHolder {
  readonly clients: Iterable<ClosableWebSocket>
}

/** Options of {@link closeWebSockets}. */
export interface CloseWebSocketsOptions {
  /**
   * Time over which the closes are spread, in ms. Keep it below `hammerTimeMs`, or the hammer falls first.
   *
   * @default 10_000
   * @throws `ERR_ENDLESS_INVALID_OPTION` if it is not a number above 0
   */
  windowMs?: number
}

const open = 1
/** "Service Restart": the client may come back (IANA, WebSocket Close Code Number Registry). */
const serviceRestart = 1012

/**
 * Creates a listener for 'drain' that closes WebSockets with code 1012 (service restart), spread over a
 * window: in random order, each at a random time in its own share of the window. So clients that reconnect
 * at once do not all come back in the same second.
 *
 * A WebSocket that opens during a window is closed in the next one. A client that does not answer the close
 * is left to the close timeout of `ws`, and to the hammer. If the server listens again because its successor
 * has died, the WebSockets that are still open stay open.
 *
 * See docs/decisions.md, "The event `drain` comes again for a late upgrade"
 *
 * @example generation.on('drain', closeWebSockets(webSocketServer, { windowMs: 20_000 }))
 */
export function closeWebSockets(
  holder: WebSocketHolder,
  { windowMs = 10_000 }: CloseWebSocketsOptions = {},
): (drain: { server: net.Server }) => void {
  if (!(typeof windowMs === 'number' && windowMs > 0 && windowMs <= 2_147_483_647)) {
    throw invalidOption('windowMs', windowMs, 'a number of milliseconds from 1 to 2147483647')
  }
  const draining = new Set<net.Server>()
  const timers = new Set<NodeJS.Timeout>()

  const later = (action: () => void, delayMs: number): void => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      action()
    }, delayMs)
    // Unreferenced: each open WebSocket keeps the process alive itself.
    timers.add(timer.unref())
  }

  const beginWindow = (): void => {
    const clients = shuffled([...holder.clients].filter(({ readyState }) => readyState === open))
    const shareMs = windowMs / clients.length
    for (const [index, client] of clients.entries()) {
      const close = (): void => {
        if (client.readyState === open) client.close(serviceRestart, 'service restart')
      }
      later(close, (index + Math.random()) * shareMs)
    }
    later(beginWindow, windowMs)
  }

  return ({ server }) => {
    // 'drain' comes again for each late upgrade; and by now the server may listen again.
    if (draining.has(server) || server.listening) return
    if (draining.size === 0) beginWindow()
    draining.add(server)
    const stop = (): void => {
      server.off('listening', stop)
      server.off('close', stop)
      draining.delete(server)
      if (draining.size > 0) return
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
    }
    // A server listens again when its successor has died.
    server.on('listening', stop)
    server.on('close', stop)
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
