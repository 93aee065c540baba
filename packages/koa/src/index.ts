import * as core from '@endless/core'
import http from 'node:http'
import type net from 'node:net'

// The entry of @endless/koa: everything in core, and an `endless` that also takes a Koa app.

export * from '@endless/core'

/** What {@link endless} needs from a Koa app. */
export interface KoaApp {
  callback(): http.RequestListener
}

/**
 * Makes a Koa app, or a server made from a Koa app, restart without losing anything.
 *
 * @example endless(app).listen(3000)
 * @throws the same errors as `endless` of `@endless/core`
 */
export function endless<S extends net.Server>(
  server: S,
  options?: core.EndlessOptions,
): core.EndlessServer<S>
export function endless(app: KoaApp, options?: core.EndlessOptions): core.EndlessServer
export function endless(
  x: net.Server | KoaApp,
  options?: core.EndlessOptions,
): core.EndlessServer<net.Server> {
  if (!isKoaApp(x)) return core.endless(x, options)
  const endlessServer = core.endless<net.Server>(http.createServer(x.callback()), options)
  // `endless(app); app.listen(3000)` would listen with another server, which is not endless.
  Object.assign(x, { listen: endlessServer.listen })
  return endlessServer
}

/** Whether `x` is a Koa app. Core rejects a value that is neither an app nor a server. */
function isKoaApp(x: net.Server | KoaApp | null | undefined): x is KoaApp {
  return typeof (x as Partial<KoaApp> | null | undefined)?.callback === 'function'
}
