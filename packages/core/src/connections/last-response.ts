import type http from 'node:http'
import type net from 'node:net'
import { newestRequestOn, responseOn } from '../internals.js'

// How a client learns that its connection ends: `Connection: close` on a response, so that it sends
// its next request elsewhere instead of into a socket that is being closed (RFC 9112, section 9.6).

/** The events that bring a request and its response to the application. */
const requestEvents: ReadonlySet<unknown> = new Set([
  'request',
  'checkContinue',
  'checkExpectation',
])

type Emit = (event: string | symbol, ...args: unknown[]) => boolean

/**
 * From now on says `Connection: close` on what is the last response of its connection. Nothing of
 * this exists before a drain begins: a server that does not drain pays nothing.
 *
 * `onRequest` is called for each request that arrives meanwhile. Answers what undoes it.
 */
export function announceLastResponses(
  server: http.Server,
  speaking: Iterable<net.Socket>,
  onRequest: (request: http.IncomingMessage, response: http.ServerResponse) => void,
): () => void {
  const announcing = { active: true }
  for (const socket of speaking) {
    const response = responseOn(socket)
    if (response) decideAtHeader(response, announcing)
  }
  const own = Object.getOwnPropertyDescriptor(server, 'emit')
  // eslint-disable-next-line @typescript-eslint/unbound-method -- applied to the server below
  const emit = server.emit as Emit
  server.emit = ((event: string | symbol, ...args: unknown[]) => {
    if (!requestEvents.has(event)) return emit.call(server, event, ...args)
    const [request, response] = args as [http.IncomingMessage, http.ServerResponse]
    decideAtHeader(response, announcing)
    onRequest(request, response)
    // The parser calls this in the middle of a chunk. A handler that answered right here would have
    // its response called the last while further pipelined requests stand in the same chunk: they
    // would be dropped. One tick later the whole chunk has been read.
    process.nextTick(() => emit.call(server, event, ...args))
    return true
  }) as typeof server.emit
  return () => {
    announcing.active = false
    if (own) Object.defineProperty(server, 'emit', own)
    else Reflect.deleteProperty(server, 'emit')
  }
}

/** Leaves the decision to the moment when the header is made: more requests may come until then. */
function decideAtHeader(response: http.ServerResponse, announcing: { active: boolean }): void {
  if (response.headersSent) return
  // eslint-disable-next-line @typescript-eslint/unbound-method -- applied to the response below
  const writeHead = response.writeHead as (...args: unknown[]) => http.ServerResponse
  const decidingWriteHead = function (
    this: http.ServerResponse,
    ...args: unknown[]
  ): http.ServerResponse {
    if (!announcing.active || !isLastOfConnection(response)) return writeHead.apply(this, args)
    response.shouldKeepAlive = false
    // An application that sets `Connection` itself would overrule that.
    if (response.hasHeader('connection')) response.setHeader('Connection', 'close')
    return writeHead.apply(this, args.map(withoutConnection))
  }
  response.writeHead = decidingWriteHead
  // Node 24 and before know it by a second name.
  if ('writeHeader' in response) Object.assign(response, { writeHeader: decidingWriteHead })
}

/**
 * Whether nothing else has been read from the connection. A body that is still coming forbids it
 * too: closing with bytes unread resets the connection, and the response is lost on its way.
 */
function isLastOfConnection(response: http.ServerResponse): boolean {
  const { req: request } = response
  return request.complete && newestRequestOn(request.socket) === request
}

/** Takes `Connection` out of the headers of a `writeHead`: an object, pairs, or a flat list. */
function withoutConnection(argument: unknown): unknown {
  const isConnection = (name: unknown): boolean => String(name).toLowerCase() === 'connection'
  if (Array.isArray(argument)) {
    if (Array.isArray(argument[0])) {
      return (argument as unknown[][]).filter(([name]) => !isConnection(name))
    }
    return argument.filter((_, index) => !isConnection(argument[index - (index % 2)]))
  }
  if (argument !== null && typeof argument === 'object') {
    return Object.fromEntries(Object.entries(argument).filter(([name]) => !isConnection(name)))
  }
  return argument
}
