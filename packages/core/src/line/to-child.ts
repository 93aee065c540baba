import type { ChildProcess } from 'node:child_process'
import { hasHandleInFlight, type RawHandle, watchChannel } from '../node/internals.js'
import { type Channel, command } from './channel.js'
import { confirmed } from './confirmed.js'
import { PeerGone } from './peer-gone.js'

/**
 * Creates the parent's end of the line to a child; the preload creates the other end. Nothing that the child
 * writes there ends this process: an application may write to the descriptor by mistake.
 *
 * See docs/decisions.md, "Garbage on a channel ends no process"
 *
 * @param onGarbage called with the reason if the child has sent anything but a valid message
 */
export function channelTo<Out extends { type: string }, In extends { type: string }>(
  child: ChildProcess,
  onGarbage: (reason: unknown) => void,
): Channel<Out, In> {
  const channel: Channel<Out, In> = {
    send: (message, handle) =>
      new Promise((resolve, reject) => {
        if (!child.connected) {
          reject(new PeerGone())
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
  // Runs before Node's own listeners, and catches what they throw.
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
    // Node would fail an assertion on it (lib/internal/child_process.js).
    if (isAnswer && !hasHandleInFlight(child)) throw new Error('it acknowledges an unsent handle')
    emit('internalMessage', message, handle)
    if (isAnswer) channel.onHandleAnswer(cmd === 'NODE_HANDLE_ACK')
  }
  return confirmed(channel)
}

/** Settles when the line ends, however the child ends it. */
function untilClosed(child: ChildProcess, onGarbage: (reason: unknown) => void): Promise<void> {
  return new Promise((resolve) => {
    child.once('disconnect', () => {
      resolve()
    })
    watchChannel(child, { onEnd: resolve, onGarbage })
  })
}
