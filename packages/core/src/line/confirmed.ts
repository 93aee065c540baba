import type { RawHandle } from '../node/internals/raw-handle.js'
import { deferred, type Deferred } from '../node/waits.js'
import type { Channel } from './channel.js'
import { HandleLost } from './handle-lost.js'
import { NeverSent } from './never-sent.js'
import { PeerGone } from './peer-gone.js'

/**
 * Makes each send of a handle wait until the peer has taken it, or could not; changes and returns `channel`.
 * Node sends one handle at a time, and the peer answers each (lib/internal/child_process.js, NODE_HANDLE_ACK
 * and NODE_HANDLE_NACK). Node's own callback reports only that the handle was written. At the end of the line, the
 * first one may have arrived, and the others were never sent.
 */
export function confirmed<Out extends { type: string }, In extends { type: string }>(
  channel: Channel<Out, In>,
): Channel<Out, In> {
  const unanswered: Deferred<void>[] = []
  let isClosed = false
  const write = channel.send.bind(channel)
  channel.send = (message: Out, handle?: RawHandle) => {
    if (!handle) return write(message)
    if (isClosed) return Promise.reject(new NeverSent())
    const sent = deferred()
    unanswered.push(sent)
    write(message, handle).catch((error: unknown) => {
      const at = unanswered.indexOf(sent)
      if (at >= 0) unanswered.splice(at, 1)
      sent.reject(error)
    })
    return sent.promise
  }
  channel.onHandleAnswer = (isTaken) => {
    const sent = unanswered.shift()
    if (isTaken) sent?.resolve()
    else sent?.reject(new HandleLost())
  }
  void channel.closed.then(() => {
    isClosed = true
    const [onItsWay, ...queued] = unanswered.splice(0)
    onItsWay?.reject(new PeerGone())
    for (const { reject } of queued) reject(new NeverSent())
  })
  return channel
}
