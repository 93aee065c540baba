import { EventEmitter } from 'node:events'
import type net from 'node:net'
import type { Handle } from '../kernel/handle.js'
import type { LineEnd, Message } from '../kernel/line-end.js'

/** What a `ChildProcess` asks of its process. */
export interface Controls {
  signal(signal: NodeJS.Signals): void
}

/** A process as the one that has started it sees it: what `child_process.spawn` returns. */
export class ChildFace extends EventEmitter {
  readonly pid: number
  connected = true
  exitCode: number | null = null
  signalCode: NodeJS.Signals | null = null
  readonly channel = { ref: (): void => undefined, unref: (): void => undefined }
  readonly stdio: (net.Socket | null)[]
  readonly #line: LineEnd
  readonly #controls: Controls

  constructor(pid: number, line: LineEnd, controls: Controls, extraLine: net.Socket | undefined) {
    super()
    this.pid = pid
    this.#line = line
    this.#controls = controls
    this.stdio = [null, null, null, null, null, extraLine ?? null]
    line.onMessage = (message, handle) => {
      this.emit('internalMessage', message, handle)
    }
    line.onAnswer = (isTaken) => {
      this.emit('internalMessage', { cmd: isTaken ? 'NODE_HANDLE_ACK' : 'NODE_HANDLE_NACK' })
    }
    line.onClose = () => {
      this.connected = false
      this.emit('disconnect')
    }
    // Node's own listener, to which the product passes the answers on.
    this.on('internalMessage', ({ cmd }: Message) => {
      if (cmd === 'NODE_HANDLE_ACK' || cmd === 'NODE_HANDLE_NACK') line.answered()
    })
  }

  /** Node's name for what waits behind a handle; there if one is under way. */
  get _handleQueue(): unknown[] | null {
    return this.#line.waiting
  }

  send(
    message: Message,
    handle: Handle | undefined,
    callback: (error: Error | null) => void,
  ): boolean {
    this.#line.send(message, handle, callback)
    return true
  }

  kill(signal: NodeJS.Signals): boolean {
    this.#controls.signal(signal)
    return true
  }

  disconnect(): void {
    if (!this.connected) return
    this.connected = false
    this.#line.close()
    process.nextTick(() => this.emit('disconnect'))
  }

  ref(): void {
    // Nothing depends on it.
  }

  unref(): void {
    // Nothing depends on it.
  }

  ended(code: number | null, signal: NodeJS.Signals | null): void {
    this.exitCode = code
    this.signalCode = signal
    this.emit('exit', code, signal)
  }
}
