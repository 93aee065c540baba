import type { ChildProcess } from 'node:child_process'
import { hasHandleInFlight, watchChannel } from '../node/internals/channel-handle.js'
import { isRawHandle } from '../node/internals/raw-handle.js'
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
  // Without a listener Node keeps each message, and its handle, for ever (lib/internal/child_process.js, emit).
  child.on('message', () => undefined)
  // Runs before Node's own listeners, and catches what they throw.
  const emit = child.emit.bind(child) as (...args: unknown[]) => boolean
  child.emit = (...args: unknown[]) => {
    const [event, message, handle] = args as [unknown, { cmd?: unknown } & In, unknown]
    if (event !== 'internalMessage' && event !== 'message') return emit(...args)
    try {
      if (event === 'message') throw new Error('it is not for endless')
      receive(message, handle)
    } catch (error) {
      dispose(handle)
      onGarbage(error)
    }
    return true
  }
  const receive = (message: { cmd?: unknown } & In, handle: unknown): void => {
    const { cmd } = message
    if (cmd === command) {
      const isKnown = handle === undefined || handle === null || isRawHandle(handle)
      if (!isKnown) throw new Error('its handle is of another kind')
      channel.onMessage(message, isRawHandle(handle) ? handle : undefined)
      return
    }
    // Node takes the handle that comes with this message out of it, and emits the message inside.
    if (handle && cmd !== 'NODE_HANDLE') throw new Error('its handle is for nobody')
    const isAnswer = cmd === 'NODE_HANDLE_ACK' || cmd === 'NODE_HANDLE_NACK'
    // Node would fail an assertion on it (lib/internal/child_process.js).
    if (isAnswer && !hasHandleInFlight(child)) throw new Error('it acknowledges an unsent handle')
    emit('internalMessage', message, handle)
    if (isAnswer) channel.onHandleAnswer(cmd === 'NODE_HANDLE_ACK')
  }
  return confirmed(channel)
}

/** Closes whatever came over the channel: a raw handle, or what Node has made of it. */
function dispose(received: unknown): void {
  const { destroy, close } = (received ?? {}) as Partial<Record<'destroy' | 'close', () => void>>
  try {
    ;(destroy ?? close)?.call(received)
  } catch {
    // A server that does not listen, for example, has nothing to close.
  }
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
