// What a simulated kernel needs of Node's own bindings: a stream that JavaScript fills, so that Node's sockets and
// its HTTP parser run on it as they are, and the class of TCP handles, which `net.Server#listen` asks for.

/** A request of a stream; Node completes it by `finishWrite` and `finishShutdown`. */
export type StreamRequest = object

/** The binding behind Node's `JSStreamSocket` (lib/internal/js_stream_socket.js). */
export interface JsStream {
  readBuffer(bytes: Buffer): void
  emitEOF(): void
  finishWrite(request: StreamRequest, errno: number): void
  finishShutdown(request: StreamRequest, errno: number): void
  getAsyncId(): number
}

interface Bindings {
  binding(name: 'js_stream'): { JSStream: new () => JsStream }
  binding(name: 'tcp_wrap'): { TCP: { prototype: object } }
}

const bindings = process as unknown as Bindings

export const { JSStream } = bindings.binding('js_stream')

export const tcpPrototype = bindings.binding('tcp_wrap').TCP.prototype
