import type { RawHandle } from '../node/internals.js'
import type { Channel } from '../handoff/protocol.js'

/** The peer had no descriptor left for a handle: the kernel dropped it, and Node the message with it. */
export class HandleLost extends Error {
  constructor() {
    super('the other process could not take the handle')
  }
}

interface Sent {
  resolve: () => void
  reject: (error: Error) => void
}

/**
 * Has each send of a handle wait for what becomes of it. Node sends one at a time, and the other side
 * answers each (lib/internal/child_process.js, NODE_HANDLE_ACK and NODE_HANDLE_NACK); its callback says no
 * more than that it was written.
 */
export function confirmed<Out extends { type: string }, In extends { type: string }>(
  channel: Channel<Out, In>,
): Channel<Out, In> {
  const unanswered: Sent[] = []
  let isClosed = false
  const write = channel.send.bind(channel)
  channel.send = (message: Out, handle?: RawHandle) => {
    if (!handle) return write(message)
    return new Promise((resolve, reject) => {
      if (isClosed) {
        reject(gone())
        return
      }
      const sent: Sent = { resolve, reject }
      unanswered.push(sent)
      write(message, handle).catch((error: unknown) => {
        const at = unanswered.indexOf(sent)
        if (at >= 0) unanswered.splice(at, 1)
        sent.reject(error as Error)
      })
    })
  }
  channel.onHandleAnswer = (isTaken) => {
    const sent = unanswered.shift()
    if (isTaken) sent?.resolve()
    else sent?.reject(new HandleLost())
  }
  void channel.closed.then(() => {
    isClosed = true
    for (const { reject } of unanswered.splice(0)) reject(gone())
  })
  return channel
}

function gone(): Error {
  return new Error('the other process is gone')
}
