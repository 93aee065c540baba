import type { ToPredecessor, ToSuccessor } from '../../../core/dist/handoff/protocol.js'
import { type Channel, command } from '../../../core/dist/line/channel.js'
import type { RawHandle } from '../../../core/dist/node/internals/raw-handle.js'
import type { Handle } from '../kernel/handle.js'
import type { LineEnd } from '../kernel/line-end.js'

/** The child's end of a line: stands for what the preload makes of Node's channel (preload.ts, takeChannel). */
export function childChannel(line: LineEnd): Channel<ToPredecessor, ToSuccessor> {
  let settleClosed = (): void => undefined
  const channel: Channel<ToPredecessor, ToSuccessor> = {
    send: (message, handle) =>
      new Promise((resolve, reject) => {
        line.send(
          { cmd: command, ...message },
          handle as unknown as Handle | undefined,
          (error) => {
            if (error) reject(error)
            else resolve()
          },
        )
      }),
    onMessage: () => undefined,
    onHandleAnswer: () => undefined,
    closed: new Promise((resolve) => (settleClosed = resolve)),
    ref: () => undefined,
    unref: () => undefined,
  }
  line.onMessage = (message, handle) => {
    channel.onMessage(message as unknown as ToSuccessor, handle as unknown as RawHandle | undefined)
  }
  line.onAnswer = (isTaken) => {
    line.answered()
    channel.onHandleAnswer(isTaken)
  }
  line.onClose = () => {
    settleClosed()
  }
  if (!line.isOpen) setImmediate(settleClosed)
  return channel
}
