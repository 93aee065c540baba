import http from 'node:http'
import type { Socket } from 'node:net'
import { type EndlessError, type EndlessErrorCode, messageOf } from '../api/endless-error.js'
import { printableJson } from '../api/one-line.js'
import { longestDelayMs } from '../node/system.js'
import { type Answer, type Asked, routes } from './routes.js'
import { controlVersion, type Service, versionHeader } from './service.js'

// The server of the control socket. It speaks HTTP, so that curl can ask, and JSON. Only the user of
// the service can connect, and still no request may cost the service more than a little time.

const mostConnections = 64
const maxHeaderBytes = 8_192
/** No request needs a body; a body that a client sends out of habit, such as `{}`, is ignored. */
const maxBodyBytes = 1_024
const headerMs = 2_000
const requestMs = 5_000
/** How long a client may take to read the response. */
const readMs = 5_000

/** Code of an error that has none. */
const unnamed: EndlessErrorCode = 'ERR_ENDLESS_REQUEST_FAILED'

/** Error codes of a service that serves on as before: it has not begun to do what was asked (409). */
const refusals: ReadonlySet<unknown> = new Set<EndlessErrorCode>([
  'ERR_ENDLESS_NOT_ON_PROBATION',
  'ERR_ENDLESS_NOT_RUNNING',
  'ERR_ENDLESS_SHUTTING_DOWN',
  'ERR_ENDLESS_UNRESPONSIVE',
  'ERR_ENDLESS_UNSUPPORTED',
  'ERR_ENDLESS_UNSUPPORTED_PLATFORM',
])

/** Error codes of a request that has waited, and that the generation which serves now must carry out. */
const passedOn: ReadonlySet<unknown> = new Set<EndlessErrorCode>([
  'ERR_ENDLESS_ROLLED_BACK',
  'ERR_ENDLESS_SHUTTING_DOWN',
])

const numberOf = (text: string | null): number | undefined =>
  text === null ? undefined : Number(text)

const isDuration = (text: string | null): boolean =>
  text === null || (/^-?\d{1,10}$/.test(text) && Number(text) <= longestDelayMs)

/** Creates the server of a control socket; it does not listen yet, and keeps no process alive. */
export function createControlServer(service: Service): http.Server {
  const server = http.createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: headerMs,
      requestTimeout: requestMs,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      receive(request, response, service)
    },
  )
  server.maxConnections = mostConnections
  server.on('connection', (socket) => socket.unref())
  server.on('clientError', refuseGarbage)
  return server
}

function receive(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  service: Service,
): void {
  let bodyBytes = 0
  request.on('data', (chunk: Buffer) => {
    bodyBytes += chunk.length
    if (bodyBytes <= maxBodyBytes || response.headersSent) return
    send(response, failure(413, null, `The body is longer than ${String(maxBodyBytes)} bytes.`))
  })
  // Not before the end: a request that breaks off must have no effect.
  request.on('end', () => {
    if (response.headersSent) return
    // Send 102 only to clients that name this protocol; others may not know it.
    const isTold = request.headers[versionHeader] !== undefined
    const progress = (): void => {
      if (isTold && !response.headersSent) response.writeProcessing()
    }
    // Confirms that the request has arrived: its response may take long.
    progress()
    void answer(request, service, progress).then((given) => {
      if (!response.destroyed) send(response, given)
    })
  })
}

async function answer(
  { method, url = '' }: http.IncomingMessage,
  service: Service,
  progress: () => void,
): Promise<Answer> {
  const [pathname = '', query] = url.split('?')
  const route = Object.hasOwn(routes, pathname) ? routes[pathname] : undefined
  if (!route) {
    return failure(404, null, `There is no ${pathname}. Use ${Object.keys(routes).join(' or ')}.`)
  }
  if (method !== route.method) {
    const answer = failure(405, null, `Use ${route.method} for ${pathname}.`)
    return { ...answer, headers: { allow: route.method } }
  }
  const given = new URLSearchParams(query)
  const wait = given.get('wait') ?? route.waits[0]
  if (wait !== undefined && !route.waits.includes(wait)) {
    return failure(400, null, `'wait' must be ${route.waits.join(' or ') || 'left out'} here.`)
  }
  const wrong = ['probationMs', 'maxBlockedMs'].find((name) => !isDuration(given.get(name)))
  if (wrong !== undefined) {
    return failure(400, null, `'${wrong}' must be a number of milliseconds.`)
  }
  const parallel = numberOf(given.get('parallel'))
  if (parallel !== undefined && !(Number.isSafeInteger(parallel) && parallel > 0)) {
    return failure(400, null, "'parallel' must be a positive whole number.")
  }
  const maxErrors = numberOf(given.get('maxErrors'))
  if (maxErrors !== undefined && !(maxErrors >= 0 && maxErrors <= 1)) {
    return failure(400, null, "'maxErrors' must be a share from 0 to 1.")
  }
  const asked: Asked = {
    wait,
    hasWaited: given.has('waited'),
    workers: given.has('workers') ? Number(given.get('workers')) : undefined,
    isNow: given.has('now'),
    reason: given.get('reason') ?? '',
    options: {
      allowAddressChange: given.has('allowAddressChange') || undefined,
      probationMs: numberOf(given.get('probationMs')),
      maxBlockedMs: numberOf(given.get('maxBlockedMs')),
      parallel,
      maxErrors,
    },
  }
  const location = asUrl(pathname, asked)
  const moved: Answer = { status: 307, body: {}, headers: { location } }
  if (await service.hasMoved()) return moved
  try {
    return await route.act(service, asked, progress)
  } catch (error) {
    const { code } = (error ?? {}) as { code?: unknown }
    // The request waited for another restart, or for the end of a probation.
    if (passedOn.has(code) && (await service.hasMoved())) {
      return { ...moved, headers: { location: asUrl(pathname, { ...asked, hasWaited: true }) } }
    }
    return failure(refusals.has(code) ? 409 : 500, error)
  }
}

/** Writes what was asked as the client asks it of the process that serves now. */
function asUrl(pathname: string, asked: Asked): string {
  const { wait, hasWaited, isNow, reason, options, workers } = asked
  const { allowAddressChange, ...numbers } = options
  const query = [
    ...(wait === undefined ? [] : [`wait=${wait}`]),
    ...(allowAddressChange ? ['allowAddressChange'] : []),
    ...Object.entries(numbers).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${String(value)}`],
    ),
    ...(isNow ? ['now'] : []),
    ...(reason === '' ? [] : [`reason=${encodeURIComponent(reason)}`]),
    ...(workers === undefined ? [] : [`workers=${String(workers)}`]),
    ...(hasWaited ? ['waited'] : []),
  ].join('&')
  return query === '' ? pathname : `${pathname}?${query}`
}

/** Creates an error response: `{ "error": { "code": "ERR_ENDLESS_READY_TIMEOUT", "message": "…", … } }`. */
function failure(status: number, error: unknown, message = messageOf(error)): Answer {
  const { pid, exitCode, signal, stderr, ...rest } = (error ?? {}) as Partial<EndlessError>
  // What an application throws need not have a code, or has a number.
  const code: string = typeof rest.code === 'string' ? rest.code : unnamed
  return { status, body: { error: { code, message, pid, exitCode, signal, stderr } } }
}

function send(response: http.ServerResponse, { status, body, isLast, headers }: Answer): void {
  const text = typeof body === 'string' ? body : `${printableJson(body)}\n`
  // With no length either, the end of the connection ends the body (RFC 9112, section 6.3).
  if (isLast) response.removeHeader('transfer-encoding')
  response.writeHead(status, {
    'content-type': 'application/json',
    [versionHeader]: controlVersion,
    connection: 'close',
    ...headers,
    ...(!isLast && { 'content-length': Buffer.byteLength(text) }),
  })
  const { socket } = response
  socket?.setTimeout(readMs, () => socket.destroy())
  if (isLast) {
    // Not ended: only the exit closes the connection and so ends the body.
    response.write(text)
  } else {
    response.end(text)
  }
}

function refuseGarbage(error: NodeJS.ErrnoException, socket: Socket): void {
  const statuses: Record<string, number> = {
    HPE_HEADER_OVERFLOW: 431,
    ERR_HTTP_REQUEST_TIMEOUT: 408,
  }
  const status = statuses[error.code ?? ''] ?? 400
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const text = `${printableJson(failure(status, null, http.STATUS_CODES[status]).body)}\n`
  socket.end(
    `HTTP/1.1 ${String(status)} ${http.STATUS_CODES[status] ?? ''}\r\n` +
      `${versionHeader}: ${String(controlVersion)}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${String(Buffer.byteLength(text))}\r\nConnection: close\r\n\r\n${text}`,
    () => socket.destroy(),
  )
}
