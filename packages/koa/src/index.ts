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
  return 'callback' in x
    ? core.endless<net.Server>(http.createServer(x.callback()), options)
    : core.endless(x, options)
}
