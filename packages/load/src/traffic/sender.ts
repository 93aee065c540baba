import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { pickOne } from './call.js'
import { ExchangeError } from './exchange-error.js'
import { exchange } from './exchange.js'
import type { ResolvedOptions } from './options.js'
import type { Recorder } from './recorder.js'

/** Sends random requests and records their results. */
export class Sender {
  readonly #options: ResolvedOptions
  readonly #recorder: Recorder

  constructor(options: ResolvedOptions, recorder: Recorder) {
    this.#options = options
    this.#recorder = recorder
  }

  createAgent(options: { keepAlive: boolean; maxSockets?: number }): http.Agent {
    const { tls } = this.#options
    return tls
      ? new https.Agent({ ...options, ...tls, rejectUnauthorized: tls.ca !== undefined })
      : new http.Agent(options)
  }

  /** Sends one random request; resolves when it has ended: with true if it was answered. */
  async send(
    agent: http.Agent,
    connection: string,
    use: { kept: boolean; onOpen?: () => void },
  ): Promise<boolean> {
    const { calls, host, port, tls, requestTimeoutMs } = this.#options
    const recorder = this.#recorder
    const call = pickOne(calls)()
    const fromMs = recorder.nowMs
    let socket: Socket | undefined
    // Kept apart: a socket that has failed forgets its port.
    let localPort: number | undefined
    try {
      const answer = await exchange(call, {
        host,
        port,
        tls,
        agent,
        requestTimeoutMs,
        onSocket: (used) => {
          socket = used
          localPort = used.localPort
          if (used.connecting) used.once('connect', () => (localPort = used.localPort))
          return recorder.connections.used(used, use)
        },
        onHead: (response) => recorder.connections.headArrived(response),
      })
      const pid = recorder.answered(answer, fromMs)
      if (socket && pid !== undefined) recorder.connections.answered(socket, pid)
      return true
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error
      if (socket && error.kind === 'timeout') recorder.connections.abandoned(socket)
      recorder.failed(error, call, { name: connection, localPort }, fromMs)
      return false
    }
  }
}
