import { randomBytes } from 'node:crypto'
import { MessageSocket } from '../wire/message-socket.js'
import type { ConnectionTrace } from '../record/connection-log.js'
import { type Client, record } from './client.js'
import { pause } from './kept-client.js'

const everyMs = 500
const contentBytes = 100
const afterFailureMs = 200

/** Keeps a WebSocket, and sends two messages at a time, so that a changed order is seen. */
export class SocketClient {
  readonly #client: Client
  readonly #path: string
  readonly #stopping = new AbortController()
  #current: { socket: MessageSocket; trace: ConnectionTrace } | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(client: Client, path: string) {
    this.#client = client
    this.#path = path
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    this.#current?.socket.close()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    await pause(Math.random() * everyMs, signal)
    while (!signal.aborted) {
      const { socket, trace } = this.#get()
      const outcomes = await Promise.all([this.#send(socket, trace), this.#send(socket, trace)])
      const isFine = outcomes.every((outcome) => outcome === 'answered')
      await pause(isFine ? everyMs * (0.5 + Math.random()) : afterFailureMs, signal)
    }
  }

  async #send(socket: MessageSocket, trace: ConnectionTrace): Promise<string> {
    const { recorder } = this.#client
    const sentMs = recorder.nowMs
    const reply = await socket.send(randomBytes(contentBytes).toString('hex'))
    record(recorder, trace, reply, `message ${this.#path}`, sentMs)
    return reply.outcome
  }

  #get(): { socket: MessageSocket; trace: ConnectionTrace } {
    if (!this.#current?.socket.isUsable) {
      const { target, recorder } = this.#client
      const trace = recorder.connections.begin('websocket')
      const onUnasked = (detail: string): void => recorder.gotUnasked(trace, detail)
      const socket = new MessageSocket(target, this.#path, trace, { onUnasked })
      this.#current = { socket, trace }
    }
    return this.#current
  }
}
