import type http from 'node:http'
import { durationOf } from '../api/duration.js'
import { messageOf } from '../api/endless-error.js'
import type { Logger } from '../api/logger.js'
import type { System } from '../node/system.js'
import { askServer } from './ask-server.js'

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
      const status = await askServer(server, path, {
        timeoutMs: leftMs,
        system,
        userAgent: 'endless-ready-probe',
      })
      if (status < 500) return
      found = ` (status ${String(status)})`
    } catch (error) {
      found = ` (${messageOf(error)})`
    }
    await new Promise<void>((resolve) => system.setTimeout(resolve, pauseMs))
  }
}
