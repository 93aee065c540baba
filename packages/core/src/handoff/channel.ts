import type { ChildProcess } from 'node:child_process'
import type { RawHandle } from '../internals.js'
import { command, type Channel, type ToPredecessor, type ToSuccessor } from './protocol.js'

/** The predecessor's end of the line to a child; the preload makes the other end. */
export function channelTo(child: ChildProcess): Channel<ToSuccessor, ToPredecessor> {
  const channel: Channel<ToSuccessor, ToPredecessor> = {
    send: (message, handle) =>
      new Promise((resolve, reject) => {
        if (!child.connected) {
          reject(new Error('the successor is gone'))
          return
        }
        child.send({ cmd: command, ...message }, handle as never, (error) => {
          if (error) reject(error)
          else resolve()
        })
      }),
    onMessage: () => undefined,
    closed: new Promise((resolve) => {
      child.once('disconnect', () => {
        resolve()
      })
    }),
    ref: () => {
      child.channel?.ref()
    },
    unref: () => {
      child.channel?.unref()
    },
  }
  // Anything that is not ours is not for us: the application may write to its channel what it likes.
  child.on('internalMessage', (message: { cmd?: unknown } & ToPredecessor, handle?: RawHandle) => {
    if (message.cmd === command) channel.onMessage(message, handle)
  })
  return channel
}
