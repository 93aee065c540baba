import type http from 'node:http'
import net from 'node:net'
import tls from 'node:tls'
import type { RawListener } from './raw-handle.js'
import { own, shadow } from '../shadow.js'
import { symbolNamed } from './symbol-named.js'

// What a server keeps for itself.

interface ClosingServer {
  _handle: RawListener | null
  _connections: number
  _usingWorkers: boolean
  _emitCloseIfDrained(): void
}

/**
 * Whether a server neither listens nor has connections, here or in its children. Node's count falls below zero if a
 * connection is destroyed that was given to a child (lib/net.js, Socket#_destroy).
 */
export function isDrained(server: net.Server): boolean {
  const { _handle, _connections } = server as unknown as ClosingServer
  return _handle === null && _connections <= 0
}

/** Whether connections of a server were given to children of this process by `child.send(message, socket)`. */
export function hasGivenToChildren(server: net.Server): boolean {
  return (server as unknown as ClosingServer)._usingWorkers
}

/**
 * Holds back the 'close' event of a server, and calls `onChange` instead whenever the server may have drained.
 * `net.Server#close` and the end of each connection emit 'close' through `_emitCloseIfDrained` (lib/net.js).
 *
 * @returns a function that lets the server close; with `isOver` it closes now, whatever Node counts, and once
 */
export function shadowEmitClose(
  server: net.Server,
  onChange: () => void,
): (isOver: boolean) => void {
  const closing = server as unknown as ClosingServer
  const restore = shadow(closing, '_emitCloseIfDrained', onChange)
  return (isOver) => {
    restore()
    if (isOver || isDrained(server)) closing._connections = 0
    closing._emitCloseIfDrained()
    if (!isOver) return
    // The children may yet report that their connections have closed, and Node would emit 'close' again.
    server.once(
      'listening',
      shadow(closing, '_emitCloseIfDrained', () => undefined),
    )
  }
}

/**
 * Gives a server its own copy of each function that every drain replaces, so that the drain changes no shape.
 * See docs/decisions.md, "A server whose connections move is left alone"
 */
export function ownWhatDrainsReplace(server: net.Server): void {
  for (const name of ['_emitCloseIfDrained', 'closeIdleConnections']) own(server, name)
}

/**
 * Whether the session ticket keys were given as an option of `createServer` (lib/internal/tls/wrap.js,
 * setSecureContext).
 */
export function hasGivenTicketKeys(server: tls.Server): boolean {
  return (server as { ticketKeys?: Buffer }).ticketKeys !== undefined
}

interface SessionContexts {
  sessionIdContext?: unknown
  _sharedCreds?: { context?: { setSessionIdContext?(text: string): void } }
}

/**
 * Returns the name under which a TLS server's sessions are kept apart from those of others. Unless it is given,
 * Node makes it of the command line (lib/internal/tls/wrap.js, setSecureContext).
 */
export function sessionIdContextOf(server: tls.Server): string | undefined {
  const { sessionIdContext } = server as SessionContexts
  return typeof sessionIdContext === 'string' ? sessionIdContext : undefined
}

/** Whether a TLS server's `sessionIdContext` is Node's own, made of the command line as it is now. */
export function hasDefaultSessionIdContext(server: tls.Server): boolean {
  return sessionIdContextOf(server) === sessionIdContextOf(new tls.Server())
}

/** Makes a TLS server resume the sessions of another one, which has this context and the same ticket keys. */
export function setSessionIdContext(server: tls.Server, text: string): void {
  const contexts = server as SessionContexts
  contexts.sessionIdContext = text
  contexts._sharedCreds?.context?.setSessionIdContext?.(text)
}

/**
 * Limits the length of a request's header, in bytes. Node reads the limit for each connection
 * (lib/_http_server.js, connectionListenerInternal).
 */
export function limitHeader(server: http.Server, maxHeaderBytes: number): void {
  ;(server as unknown as { maxHeaderSize: number }).maxHeaderSize = maxHeaderBytes
}

/**
 * Makes Node check for requests that take too long at least every `intervalMs`. Node reads the interval
 * when the server begins to listen (lib/_http_server.js, setupConnectionsTracking).
 */
export function checkConnectionsEvery(server: http.Server, intervalMs: number): void {
  const settings = server as unknown as { connectionsCheckingInterval: number }
  settings.connectionsCheckingInterval = Math.min(settings.connectionsCheckingInterval, intervalMs)
}

/**
 * Ends the timer with which Node checks the connections of a server, since it keeps the server in memory. It
 * starts again when the server listens (lib/_http_server.js, httpServerPreClose and
 * setupConnectionsTracking).
 */
export function endConnectionChecks(server: net.Server): void {
  const key = symbolNamed(server, 'http.server.connectionsCheckingInterval')
  if (key) clearInterval((server as unknown as Record<symbol, NodeJS.Timeout>)[key])
}

/**
 * Whether a server is one that the primary of a cluster creates to bind the socket of its workers. Node takes
 * its handle away once it listens (lib/internal/cluster/round_robin_handle.js).
 */
export function isServerOfCluster(server: net.Server): boolean {
  return server.listeners('connection').some(({ name }) => name === 'fail')
}

/** Returns the servers of a process that listen (lib/internal/bootstrap/node.js, process._getActiveHandles). */
export function listeningServersOf(of: object): net.Server[] {
  const { _getActiveHandles } = of as { _getActiveHandles?: () => unknown[] }
  return (_getActiveHandles?.call(of) ?? []).filter((each) => each instanceof net.Server)
}
