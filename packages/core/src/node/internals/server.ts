import type http from 'node:http'
import type net from 'node:net'
import type tls from 'node:tls'
import type { RawListener } from './raw-handle.js'
import { symbolNamed } from './symbol-named.js'

// What a server keeps for itself.

interface ClosingServer {
  _handle: RawListener | null
  _connections: number
  _emitCloseIfDrained(): void
}

/** Whether a server neither listens nor has connections. */
export function isDrained(server: net.Server): boolean {
  const { _handle, _connections } = server as unknown as ClosingServer
  return _handle === null && _connections === 0
}

/**
 * Holds back the 'close' event of a server, and calls `onDrained` instead whenever the server has drained.
 * `net.Server#close` and the end of each connection emit 'close' through `_emitCloseIfDrained` (lib/net.js).
 *
 * @returns a function that lets the server close
 */
export function shadowEmitClose(server: net.Server, onDrained: () => void): () => void {
  const closing = server as unknown as ClosingServer
  closing._emitCloseIfDrained = () => {
    if (isDrained(server)) onDrained()
  }
  return () => {
    Reflect.deleteProperty(closing, '_emitCloseIfDrained')
    closing._emitCloseIfDrained()
  }
}

/**
 * Whether the session ticket keys were given as an option of `createServer` (lib/internal/tls/wrap.js,
 * setSecureContext).
 */
export function hasGivenTicketKeys(server: tls.Server): boolean {
  return (server as { ticketKeys?: Buffer }).ticketKeys !== undefined
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
