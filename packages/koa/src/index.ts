import * as core from '@endless/core'
import http from 'node:http'
import type net from 'node:net'

export * from '@endless/core'

/** What endless needs of a Koa app. */
export interface KoaApp {
  callback(): http.RequestListener
}

/**
 * Makes a Koa app, or a server made from one, restart without losing anything.
 *
 * @example endless(app).listen(3000)
 * @throws what `endless` of `@endless/core` throws
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
  return isKoaApp(x)
    ? core.endless<net.Server>(http.createServer(x.callback()), options)
    : core.endless(x, options)
}

/** What is neither an app nor a server is core's to refuse. */
function isKoaApp(x: net.Server | KoaApp | null | undefined): x is KoaApp {
  return typeof (x as Partial<KoaApp> | null | undefined)?.callback === 'function'
}
