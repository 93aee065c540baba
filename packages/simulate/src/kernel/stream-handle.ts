import { type JsStream, JSStream, type StreamRequest } from './native.js'
import type { Holder, Parcel, StreamCopy } from './handle.js'
import type { StreamEnd } from './stream-end.js'
import type { Watcher } from './watcher.js'

/** errno of a write to a stream whose other end is gone. */
const brokenPipe = -32

/**
 * The handle of one process to one end of a stream: to Node's sockets and to its HTTP parser, the handle of a
 * connection.
 */
export interface StreamHandle extends JsStream, StreamCopy {
  readonly end: StreamEnd
}

type HandleClass = new (end: StreamEnd, owner: Holder, watcher: Watcher) => StreamHandle

/** Creates a class of handles. Which one a handle is, Node and the product tell by its name. */
function handleClass(name: 'TCP' | 'Pipe'): HandleClass {
  const Class = class extends JSStream implements StreamHandle {
    readonly owner: Holder
    readonly end: StreamEnd
    readonly #watcher: Watcher
    isReading = false
    isClosed = false
    #hasToldEnd = false

    constructor(end: StreamEnd, owner: Holder, watcher: Watcher) {
      super()
      this.end = end
      this.owner = owner
      this.#watcher = watcher
    }

    deliver(): void {
      if (this.isClosed || !this.isReading) return
      const bytes = this.end.take()
      if (bytes) this.readBuffer(bytes)
      // What was just read may have closed it, or stopped the reading.
      if (!this.#canRead || !this.end.isAtEnd || this.#hasToldEnd) return
      this.#hasToldEnd = true
      this.emitEOF()
    }

    pack(): Parcel {
      return this.end.pack()
    }

    vanish(): void {
      this.isClosed = true
      this.isReading = false
      this.end.close(this)
    }

    close(callback?: () => void): void {
      if (this.isClosed) return
      this.isClosed = true
      this.isReading = false
      this.#watcher.closed(this.end)
      this.end.close(this)
      if (callback) this.#watcher.clock.soon(this.owner, callback)
    }

    reset(callback?: () => void): number {
      this.close(callback)
      return 0
    }

    onreadstart(): number {
      if (this.isClosed || this.isReading) return 0
      this.isReading = true
      this.#watcher.readsNow(this.end)
      this.end.wake(this)
      return 0
    }

    onreadstop(): number {
      this.isReading = false
      return 0
    }

    onwrite(request: StreamRequest, buffers: Buffer[]): number {
      const { to, hasFinished } = this.end
      const errno = hasFinished || !to ? brokenPipe : 0
      if (errno === 0) to?.bytes(Buffer.concat(buffers))
      process.nextTick(() => {
        this.finishWrite(request, errno)
      })
      return 0
    }

    onshutdown(request: StreamRequest): number {
      this.end.to?.end()
      this.end.hasFinished = true
      process.nextTick(() => {
        this.finishShutdown(request, 0)
      })
      return 0
    }

    /** Not for it, but every TCP and pipe handle has it. */
    listen(): number {
      return brokenPipe
    }

    ref(): void {
      // Nothing depends on it.
    }

    unref(): void {
      // Nothing depends on it.
    }

    hasRef(): boolean {
      return true
    }

    setNoDelay(): number {
      return 0
    }

    setKeepAlive(): number {
      return 0
    }

    getpeername(out: object): number {
      Object.assign(out, { address: '127.0.0.1', family: 'IPv4', port: 1 })
      return 0
    }

    getsockname(out: object): number {
      Object.assign(out, { address: '127.0.0.1', family: 'IPv4', port: 80 })
      return 0
    }

    get #canRead(): boolean {
      return !this.isClosed && this.isReading
    }
  }
  Object.defineProperty(Class, 'name', { value: name })
  return Class
}

export const tcpHandle = handleClass('TCP')
export const pipeHandle = handleClass('Pipe')
