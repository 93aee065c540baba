import http from 'node:http'
import { duplexPair } from 'node:stream'
import tls from 'node:tls'
import { durationOf } from '../api/duration.js'
import { messageOf } from '../api/endless-error.js'
import type { Logger } from '../api/logger.js'
import type { System } from '../node/system.js'

// Asks a server by a request of its own whether it can answer yet: some programs listen before they can.

/** Pause after a request that failed, in ms. */
const pauseMs = 100

/** What {@link untilAnswering} needs from its surroundings. */
export interface ProbeHost {
  readonly system: Pick<System, 'setTimeout' | 'now'>
  readonly logger: Logger
  readonly readyTimeoutMs: number
}

/**
 * Resolves when a server answers GET `path` with a status below 500; after `readyTimeoutMs` anyhow, which a
 * successor does not live to see. The request goes through the server itself, inside this process: a successor
 * accepts no connection yet.
 *
 * @param isVoid asked before each attempt; the wait ends when nobody is interested any more
 */
export async function untilAnswering(
  server: http.Server,
  path: string,
  { system, logger, readyTimeoutMs }: ProbeHost,
  isVoid: () => boolean,
): Promise<void> {
  const endMs = system.now() + readyTimeoutMs
  let found = ''
  while (!isVoid()) {
    const leftMs = endMs - system.now()
    if (leftMs <= 0) {
      logger.error(
        `GET ${path} has not been answered below 500 within ${durationOf(readyTimeoutMs)}${found}: ` +
          'going on as if it had. Look at the option readyProbe, or set a larger readyTimeoutMs.',
      )
      return
    }
    try {
      const status = await ask(server, path, leftMs, system)
      if (status < 500) return
      found = ` (status ${String(status)})`
    } catch (error) {
      found = ` (${messageOf(error)})`
    }
    await new Promise<void>((resolve) => system.setTimeout(resolve, pauseMs))
  }
}

/** Sends one request to a server, and resolves with the status of the response. */
function ask(
  server: http.Server,
  path: string,
  timeoutMs: number,
  system: Pick<System, 'setTimeout'>,
): Promise<number> {
  const [client, served] = duplexPair()
  const isSecure = server instanceof tls.Server
  // What a program reads of the socket, such as `request.ip`, is that of a client on this machine.
  Object.assign(served, {
    remoteAddress: '127.0.0.1',
    remoteFamily: 'IPv4',
    remotePort: 0,
    localAddress: '127.0.0.1',
    setTimeout: () => served,
    setNoDelay: () => served,
    setKeepAlive: () => served,
    ref: () => served,
    unref: () => served,
    ...(isSecure && { encrypted: true, authorized: false, getPeerCertificate: () => ({}) }),
  })
  return new Promise<number>((resolve, reject) => {
    const timer = system.setTimeout(() => {
      reject(new Error('no answer'))
    }, timeoutMs)
    const request = http.get(
      {
        path,
        createConnection: () => client,
        headers: { host: 'localhost', connection: 'close', 'user-agent': 'endless-ready-probe' },
      },
      (response) => {
        response.resume()
        resolve(response.statusCode ?? 500)
      },
    )
    request.on('error', reject)
    // After the request has been written to, so that an error of the handler finds a listener.
    server.emit(isSecure ? 'secureConnection' : 'connection', served)
    void request.once('close', () => {
      clearTimeout(timer)
    })
  }).finally(() => {
    client.destroy()
    served.destroy()
  })
}
