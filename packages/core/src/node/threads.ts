import type dgram from 'node:dgram'
import { errorMonitor, type EventEmitter } from 'node:events'
import type net from 'node:net'
import { BroadcastChannel, isMainThread, threadId, type Worker } from 'node:worker_threads'
import type { RegisterRecord } from './register-record.js'

// The sockets of threads that clients know. A restart cannot hand them over, and the thread of a successor would fail
// to bind them, perhaps only after the successor has taken over. So a restart is refused while there are any.
// See docs/decisions.md, "A port of a thread refuses every restart"

const channelName = '@endless/core:threads'

/** Sent by a thread: `{ thread: 3, address: '127.0.0.1:9229', isOpen: true }`. */
interface Report {
  thread: number
  /** `undefined`: the thread has ended. */
  address?: string
  isOpen: boolean
}

/** Asks all threads to report again. The main thread may have been too busy to listen when they began to. */
const question = 'where do you listen?'

let channel: BroadcastChannel | undefined

function openChannel(): BroadcastChannel {
  channel ??= new BroadcastChannel(channelName)
  channel.unref()
  return channel
}

function send(report: Report | typeof question): void {
  openChannel().postMessage(report)
}

/** Follows where a thread listens. Call when it is created. */
export function watchThread(worker: Worker, { listensOfThreads }: RegisterRecord): void {
  const { threadId: thread } = worker
  worker.once('exit', () => {
    listensOfThreads.delete(thread)
    // A thread of a thread: the main thread does not see its end.
    if (!isMainThread) send({ thread, isOpen: false })
  })
  if (!isMainThread) return
  openChannel().onmessage = (event) => {
    const { thread, address, isOpen } = (event as { data: Report }).data
    if (address === undefined) {
      listensOfThreads.delete(thread)
      return
    }
    const addresses = listensOfThreads.get(thread) ?? new Set()
    if (isOpen) addresses.add(address)
    else addresses.delete(address)
    listensOfThreads.set(thread, addresses)
  }
  send(question)
}

/** Tells the main thread that a server of this thread is about to listen, and when it no longer does. */
export function announceListen(server: net.Server, address: string): void {
  const withdraw = announce(address)
  const closed = (): void => {
    server.off('close', closed)
    // Not 'error': with a listener there, a program would survive an error that it does not expect.
    ;(server as EventEmitter).off(errorMonitor, closed)
    withdraw()
  }
  server.on('close', closed)
  ;(server as EventEmitter).on(errorMonitor, closed)
}

/** Tells the main thread that a UDP socket of this thread is bound, and when it is closed. */
export function announceBind(socket: dgram.Socket, address: string): void {
  socket.once('close', announce(address))
}

/** Where this thread listens. */
const own = new Set<string>()

/** Returns a function that says that nothing is open there any more. */
function announce(address: string): () => void {
  const report = (each: string): void => {
    send({ thread: threadId, address: each, isOpen: own.has(each) })
  }
  openChannel().onmessage = (event) => {
    if ((event as { data: unknown }).data === question) own.forEach(report)
  }
  own.add(address)
  report(address)
  return () => {
    own.delete(address)
    report(address)
  }
}
