import type { ChildProcess } from 'node:child_process'
import { hasHandleInFlight, type RawHandle, watchChannel } from '../node/internals.js'
import { type Channel, command } from './channel.js'
import { confirmed } from './confirmed.js'

/**
 * The parent's end of the line to a child; the preload makes the other end. Whatever the child writes there, nothing
 * of it ends this process: it may be an application that takes the descriptor for another's.
 *
 * @param onGarbage called with the reason when something has come that is not for us
 */
export function channelTo<Out extends { type: string }, In extends { type: string }>(
  child: ChildProcess,
  onGarbage: (reason: unknown) => void,
): Channel<Out, In> {
  const channel: Channel<Out, In> = {
    send: (message, handle) =>
      new Promise((resolve, reject) => {
        if (!child.connected) {
          reject(new Error('the other process is gone'))
          return
        }
        child.send({ cmd: command, ...message }, handle as never, (error) => {
          if (error) reject(error)
          else resolve()
        })
      }),
    onMessage: () => undefined,
    onHandleAnswer: () => undefined,
    closed: untilClosed(child, onGarbage),
    ref: () => {
      child.channel?.ref()
    },
    unref: () => {
      child.channel?.unref()
    },
  }
  // In front of Node's own listeners, and of what they throw.
  const emit = child.emit.bind(child) as (...args: unknown[]) => boolean
  child.emit = (...args: unknown[]) => {
    const [event, message, handle] = args as [unknown, { cmd?: unknown } & In, RawHandle?]
    if (event !== 'internalMessage') return emit(...args)
    try {
      receive(message, handle)
    } catch (error) {
      handle?.close()
      onGarbage(error)
    }
    return true
  }
  const receive = (message: { cmd?: unknown } & In, handle: RawHandle | undefined): void => {
    const { cmd } = message
    if (cmd === command) {
      channel.onMessage(message, handle)
      return
    }
    const isAnswer = cmd === 'NODE_HANDLE_ACK' || cmd === 'NODE_HANDLE_NACK'
    // Node would fail an assertion (lib/internal/child_process.js).
    if (isAnswer && !hasHandleInFlight(child)) throw new Error('it answers to nothing')
    emit('internalMessage', message, handle)
    if (isAnswer) channel.onHandleAnswer(cmd === 'NODE_HANDLE_ACK')
  }
  return confirmed(channel)
}

/** Settles at the end of the line, however the child ends it. */
function untilClosed(child: ChildProcess, onGarbage: (reason: unknown) => void): Promise<void> {
  return new Promise((resolve) => {
    child.once('disconnect', () => {
      resolve()
    })
    watchChannel(child, { onEnd: resolve, onGarbage })
  })
}
