import type net from 'node:net'
import { acceptorOf, isSendable } from '../node/internals/connection-handle.js'
import { httpServerOf, isReadByParser } from '../node/internals/http1-connection.js'
import { hasGivenToChildren } from '../node/internals/server.js'

// Who else has a connection, or has had it: before, above or beside HTTP. What moves is a connection that HTTP alone has
// had since its first byte, here and in every earlier process.
//
// See docs/decisions.md, "Only what HTTP has had from the first byte moves"

/** Connections that something else has had. The others cost nothing. */
const shared = new WeakSet<net.Socket>()

/** Notes that something else than HTTP has had a connection. */
export function noteShared(socket: net.Socket): void {
  shared.add(socket)
}

/**
 * Notes who has had a connection that has just arrived at a server. Call after Node's own listener: by then it has a
 * parser, unless a layer of the program stands before HTTP.
 */
export function noteArrival(server: net.Server, socket: net.Socket): void {
  const isFromHere = acceptorOf(socket) === server
  if (!isFromHere || socket.bytesRead > 0 || !isReadByParser(socket)) shared.add(socket)
}

/** Whether HTTP alone has a connection, and has had it since its first byte. */
export function isHttpAlone(socket: net.Socket): boolean {
  return !shared.has(socket) && isSendable(socket) && isReadByParserAlone(socket)
}

/** Whether something else has had a connection already when it arrived. */
export function isShared(socket: net.Socket): boolean {
  return shared.has(socket)
}

/**
 * Whether only the HTTP parser reads from a connection. A foreign 'data' or 'readable' listener
 * detaches the parser from the handle (lib/_http_server.js, generateSocketListenerWrapper): pausing
 * would no longer stop the reading, and the listener's state cannot be moved. A child that was sent it with
 * `keepOpen` reads it too, and only the server knows that it was any of its connections.
 */
function isReadByParserAlone(socket: net.Socket): boolean {
  const server = httpServerOf(socket)
  return (
    isReadByParser(socket) &&
    socket.listenerCount('data') === 1 &&
    socket.listenerCount('readable') === 0 &&
    !(server && hasGivenToChildren(server))
  )
}
