import type net from 'node:net'
import { EndlessError } from '../api/endless-error.js'
import { addressOf } from '../listeners/address.js'

// Servers that are made endless in a way that could not work.

/**
 * Refuses a server that cannot be made endless as it is.
 *
 * @throws `ERR_ENDLESS_INVALID_HANDLER` for one that listens, and for an app that has its WebSockets on another
 */
export function refuseMisuse(server: net.Server): void {
  if (server.listening) throw listensAlready()
  const handlers = server.listeners('request')
  // express-ws attaches itself to a server of its own, unless it is given one.
  const hasWebSockets = handlers.some((handler) => 'ws' in handler && 'use' in handler)
  if (hasWebSockets && server.listenerCount('upgrade') === 0) {
    throw new EndlessError(
      'ERR_ENDLESS_INVALID_HANDLER',
      'express-ws serves the WebSockets of this app on another server. Give the same server to both: ' +
        'const server = http.createServer(app); expressWs(app, server); endless(server).listen(…).',
    )
  }
}

/**
 * Refuses an app that already listens by a server of its own.
 *
 * @param bare the servers of this process that listen and are not endless
 * @throws `ERR_ENDLESS_INVALID_HANDLER`
 */
export function refuseListening(handler: unknown, bare: readonly net.Server[]): void {
  const other = bare.find((each) => each.listeners('request').some((one) => one === handler))
  if (!other) return
  throw new EndlessError(
    'ERR_ENDLESS_INVALID_HANDLER',
    `This app listens already, on ${addressOf(other) ?? 'another server'}, and that server is not endless. ` +
      'Write endless(app).listen(…) in place of app.listen(…).',
  )
}

/** Creates the error for a server that listened before it was made endless. */
export function listensAlready(): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_INVALID_HANDLER',
    'This server listened before it was made endless, so no restart could hand its socket over. ' +
      'Write endless(server).listen(…), or endless(app).listen(…) in place of app.listen(…).',
  )
}
