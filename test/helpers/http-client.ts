import http from 'node:http'
import https from 'node:https'

// An HTTP client that sends each request once.

export interface RequestOptions {
  /** Reuses the agent's connection. Without an agent, each request opens a new connection. */
  agent?: http.Agent
  host?: string
  method?: string
  headers?: http.OutgoingHttpHeaders
  body?: string | Buffer
  /** Uses TLS. Without `ca`, the certificate is not checked. */
  tls?: { ca?: string }
  /** Path of a Unix socket, instead of host and port. */
  socketPath?: string
  /** @default 5_000 */
  deadlineMs?: number
}

export interface ClientResponse {
  status: number
  headers: http.IncomingHttpHeaders
  body: string
  reusedSocket: boolean
  /** The client's port: the same for all responses on one connection. */
  localPort: number | undefined
}

/** Creates an agent that keeps one connection. The test must destroy the agent at its end. */
export function createKeepAliveAgent({ tls }: Pick<RequestOptions, 'tls'> = {}): http.Agent {
  return tls
    ? new https.Agent({ keepAlive: true, maxSockets: 1 })
    : new http.Agent({ keepAlive: true, maxSockets: 1 })
}

/** Sends one POST, without a retry. Rejects like {@link get}. */
export function post(
  port: number,
  path: string,
  body: string | Buffer,
  options: RequestOptions = {},
): Promise<ClientResponse> {
  return get(port, path, { method: 'POST', ...options, body })
}

/**
 * Sends one request, without a retry; resolves with the complete response, whatever its status.
 *
 * @throws Node's error if the connection or the response breaks
 * @throws Error that names the request at the deadline
 */
export function get(
  port: number,
  path = '/',
  options: RequestOptions = {},
): Promise<ClientResponse> {
  const { agent, host = '127.0.0.1', method = 'GET', headers, body, tls, socketPath } = options
  const deadlineMs = options.deadlineMs ?? 5_000
  return new Promise((resolve, reject) => {
    const request = (tls ? https : http).request({
      ...(socketPath ? { socketPath } : { host, port }),
      ...(tls ? { ca: tls.ca, rejectUnauthorized: tls.ca !== undefined } : {}),
      agent: agent ?? false,
      method,
      path,
      headers,
      // The error at the deadline names the request; a test that hangs would not.
      signal: AbortSignal.timeout(deadlineMs),
    })
    request.on('error', (error) => reject(named(error, deadlineMs, `${method} ${path}`)))
    request.on('response', (response) => {
      const localPort = response.socket.localPort
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', (error) => reject(named(error, deadlineMs, `${method} ${path}`)))
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
          reusedSocket: request.reusedSocket,
          localPort,
        })
      })
    })
    request.end(body)
  })
}

function named(error: Error, deadlineMs: number, step: string): Error {
  if (error.name !== 'AbortError') return error
  return new Error(`${step}: no complete response within ${deadlineMs} ms`, { cause: error })
}
