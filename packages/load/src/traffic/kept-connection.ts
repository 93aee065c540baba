import type http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { pick, type Range } from './call.js'
import type { Recorder } from './recorder.js'
import type { Sender } from './sender.js'

const AFTER_FAILURE_MS = 50 // a server that is down refuses at once: without a pause the client would spin

/**
 * A client that keeps its connection: a request, a pause, the next request. After the server has ended
 * the connection, the next request opens another, as with any HTTP client.
 */
export class KeptConnection {
  readonly #name: string
  readonly #sender: Sender
  readonly #recorder: Recorder
  readonly #thinkMs: Range
  readonly #agent: http.Agent
  readonly #stopping = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(number: number, sender: Sender, recorder: Recorder, thinkMs: Range) {
    this.#name = `keep-alive ${number}`
    this.#sender = sender
    this.#recorder = recorder
    this.#thinkMs = thinkMs
    this.#agent = sender.createAgent({ keepAlive: true, maxSockets: 1 })
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Resolves when the request in flight has ended and the connection is closed. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    this.#agent.destroy()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    let again = false
    const onOpen = () => {
      this.#recorder.connections.opened({ again })
      again = true
    }
    while (!signal.aborted) {
      const answered = await this.#sender.send(this.#agent, this.#name, { kept: true, onOpen })
      await pause(answered ? pick(this.#thinkMs) : AFTER_FAILURE_MS, signal)
    }
  }
}

async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  if (durationMs < 0.5) return
  try {
    await sleep(durationMs, undefined, { signal })
  } catch {
    // AbortError: `stop()` ended the pause early, which the loop checks next.
  }
}
