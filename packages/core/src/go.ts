import http from 'node:http'
import https from 'node:https'
import { EndlessError } from './api/endless-error.js'
import type { EndlessServer } from './api/endless-server.js'
import { type HookPhase, Hooks, type HookSignal, type SignalHook } from './api/hooks.js'
import { parseOptions } from './api/option-checks.js'
import type { EndlessOptions } from './api/options.js'
import type { ShutdownReport } from './api/reports.js'
import type { State } from './api/status.js'
import { readCertificate } from './certificate.js'
import { parseGoAddress } from './listeners/address.js'
import { deferred } from './node/waits.js'
import { createManagedServer } from './process/managed-servers.js'
import type { ManagedServer } from './server/managed-server.js'

// The API with the names of Go's endless, for people who come from there. The rest of the library does not
// use it.

export { defaults } from './api/defaults.js'

export const PRE_SIGNAL = 'before'
export const POST_SIGNAL = 'after'
export const STATE_INIT = 'init'
export const STATE_RUNNING = 'running'
export const STATE_SHUTTING_DOWN = 'shutting-down'
export const STATE_TERMINATE = 'terminate'

/** A server that listens when one of its own methods is called, as Go's `endless.NewServer` returns it. */
export interface GoServer extends Omit<
  EndlessServer<http.Server | https.Server>,
  'listen' | 'registerSignalHook'
> {
  /**
   * The Node.js server, from `beforeBegin` on.
   * @throws `ERR_ENDLESS_NOT_BEGUN` earlier: only `listenAndServe` or `listenAndServeTLS` decides on TLS
   */
  readonly server: http.Server | https.Server
  /** Adds a hook; see {@link EndlessServer.registerSignalHook}. */
  registerSignalHook(phase: HookPhase, signal: HookSignal, hook: SignalHook): this
  /** Serves HTTP; settles as {@link listenAndServe} does. */
  listenAndServe(): Promise<EndlessServer>
  /** Serves HTTPS with the PEM files of a certificate, or a chain, and its key. */
  listenAndServeTLS(certFile: string, keyFile: string): Promise<EndlessServer<https.Server>>
}

/**
 * Creates a server that does not listen yet, so that hooks can be registered first.
 *
 * @throws `ERR_ENDLESS_INVALID_HANDLER` without a handler, and the errors of `endless` for options
 */
export function newServer(
  address: string,
  handler: http.RequestListener,
  options?: EndlessOptions,
): GoServer {
  return new DeferredServer(address, handler, options)
}

/**
 * Serves HTTP on an address such as `localhost:4242`, `:4242` or `:http`; blank means `:http`.
 * Settles when the server listens and its `beforeBegin` has settled. If the process shuts down first, the
 * promise stays pending.
 *
 * @throws (rejects) `ERR_ENDLESS_INVALID_ADDRESS`, `ERR_ENDLESS_INVALID_HANDLER`, the errors of `endless`
 * for options, Node's own errors of `listen`, and `ERR_ENDLESS_SERVER_CLOSED` if the server is closed
 * before `beforeBegin` has settled
 */
export async function listenAndServe(
  address: string,
  handler: http.RequestListener,
  options?: EndlessOptions,
): Promise<EndlessServer> {
  return newServer(address, handler, options).listenAndServe()
}

/**
 * Serves HTTPS with the PEM files of a certificate, or a chain, and its key; a blank address means
 * `:https`. Settles as {@link listenAndServe} does.
 *
 * @throws (rejects) as {@link listenAndServe}, and `ERR_ENDLESS_INVALID_CERTIFICATE` if a file is
 * missing or the two do not match
 */
export async function listenAndServeTLS(
  address: string,
  certFile: string,
  keyFile: string,
  handler: http.RequestListener,
  options?: EndlessOptions,
): Promise<EndlessServer<https.Server>> {
  return newServer(address, handler, options).listenAndServeTLS(certFile, keyFile)
}

/** A server that is created only when a method decides whether it speaks TLS. */
class DeferredServer implements GoServer {
  readonly #address: string
  readonly #handler: http.RequestListener
  readonly #options: EndlessOptions
  readonly #early = new Hooks()
  #beforeBegin: ((address: string) => void | Promise<void>) | undefined
  #managed: ManagedServer<http.Server> | ManagedServer<https.Server> | undefined
  readonly #terminated = deferred<ShutdownReport>()

  constructor(address: string, handler: http.RequestListener, options: EndlessOptions = {}) {
    if (typeof handler !== 'function') {
      throw new EndlessError(
        'ERR_ENDLESS_INVALID_HANDLER',
        'Cannot serve without a handler: give a function (request, response), or an Express app.',
      )
    }
    parseOptions(options)
    this.#address = address
    this.#handler = handler
    this.#options = options
  }

  get server(): http.Server | https.Server {
    if (this.#managed) return this.#managed.server
    throw new EndlessError(
      'ERR_ENDLESS_NOT_BEGUN',
      'There is no server yet: call listenAndServe or listenAndServeTLS first, or wait for beforeBegin.',
    )
  }

  get terminated(): Promise<ShutdownReport> {
    return this.#terminated.promise
  }

  get address(): string | null {
    return this.#managed?.address ?? null
  }

  get state(): State {
    return this.#managed?.state ?? 'init'
  }

  get beforeBegin(): (address: string) => void | Promise<void> {
    return this.#managed?.beforeBegin ?? this.#beforeBegin ?? (() => undefined)
  }

  set beforeBegin(hook: (address: string) => void | Promise<void>) {
    if (this.#managed) this.#managed.beforeBegin = hook
    else this.#beforeBegin = hook
  }

  registerSignalHook(phase: HookPhase, signal: HookSignal, hook: SignalHook): this {
    if (this.#managed) this.#managed.registerSignalHook(phase, signal, hook)
    else this.#early.add(phase, signal, hook)
    return this
  }

  async shutdown(): Promise<ShutdownReport> {
    return this.#managed?.shutdown() ?? { reason: 'shutdown', durationMs: 0, hammered: 0 }
  }

  async listenAndServe(): Promise<EndlessServer> {
    const target = this.#target('http')
    const managed = createManagedServer(http.createServer(this.#handler), this.#options)
    this.#adopt(managed)
    await managed.begin(target)
    return managed
  }

  async listenAndServeTLS(certFile: string, keyFile: string): Promise<EndlessServer<https.Server>> {
    const target = this.#target('https')
    const certificate = readCertificate(certFile, keyFile)
    const managed = createManagedServer(
      https.createServer(certificate, this.#handler),
      this.#options,
    )
    this.#adopt(managed)
    await managed.begin(target)
    return managed
  }

  #target(scheme: 'http' | 'https'): ReturnType<typeof parseGoAddress> {
    const target = parseGoAddress(this.#address, scheme)
    // A second call: Node's own `listen` throws, because the server listens already.
    if (this.#managed?.server.listening) this.#managed.server.listen(target)
    return target
  }

  #adopt(managed: ManagedServer<http.Server> | ManagedServer<https.Server>): void {
    for (const { phase, signal, hook } of this.#early.registered) {
      managed.registerSignalHook(phase, signal, hook)
    }
    if (this.#beforeBegin) managed.beforeBegin = this.#beforeBegin
    this.#managed = managed
    this.#terminated.resolve(managed.terminated)
  }
}
