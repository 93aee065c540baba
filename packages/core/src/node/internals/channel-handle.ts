import type { ChildProcess } from 'node:child_process'
import type { RawHandle } from './raw-handle.js'
import { symbolNamed } from './symbol-named.js'

// The handle of the channel to a child, and what Node keeps of its messages.

/** The longest message that is waited for; the largest of ours are some megabytes. */
const longestMessage = 64 * 1_048_576

/** The handle of an IPC channel (lib/internal/child_process.js, setupChannel). */
interface ChannelHandle extends RawHandle {
  /** Called with the bytes that have arrived, or with nothing at the end of the channel. */
  onread(buffer?: unknown, ...rest: unknown[]): void
  readStart(): number
}

/**
 * Watches the parent's end of an IPC channel. If a child writes anything but JSON, Node throws where no
 * caller can catch it; and it keeps what has arrived of a message that never ends. And Node reports the end of the channel by 'disconnect', but never while a handle
 * waits for its acknowledgement (lib/internal/child_process.js, setupChannel and disconnect).
 */
export function watchChannel(
  child: ChildProcess,
  { onEnd, onGarbage }: { onEnd: () => void; onGarbage: (reason: unknown) => void },
): void {
  const handle = channelHandleOf(child)
  if (!handle) return // the child could not be started
  const onread = handle.onread.bind(handle)
  let isSecondEnd = false
  handle.onread = (buffer, ...rest) => {
    // See docs/decisions.md, "The end of a line is read twice"
    if (!buffer && !isSecondEnd && handle.readStart() === 0) {
      isSecondEnd = true
      return
    }
    isSecondEnd = false
    try {
      onread(buffer, ...rest)
      if (partialMessageOf(handle).length > longestMessage) throw new Error('it is too long')
    } catch (error) {
      forgetPartialMessage(handle)
      onGarbage(error)
    }
    if (!buffer) onEnd()
  }
}

/** Whether messages to a child wait in this process: it does not read, or has a handle to acknowledge. */
export function isBackedUp(child: ChildProcess): boolean {
  return hasHandleInFlight(child) || (channelHandleOf(child)?.writeQueueSize ?? 0) > 0
}

function channelHandleOf(child: ChildProcess): ChannelHandle | undefined {
  const key = symbolNamed(child, 'kChannelHandle')
  return key && (child as unknown as Record<symbol, ChannelHandle | undefined>)[key]
}

/** Drops a message that has arrived in part: if it is garbage, everything after it would be garbage too. */
function forgetPartialMessage(handle: ChannelHandle): void {
  const key = symbolNamed(handle, 'kJSONBuffer')
  if (key) (handle as unknown as Record<symbol, string>)[key] = ''
}

function partialMessageOf(handle: ChannelHandle): string {
  const key = symbolNamed(handle, 'kJSONBuffer')
  return key ? ((handle as unknown as Record<symbol, string | undefined>)[key] ?? '') : ''
}

/** Whether a child has yet to acknowledge a handle; Node sends further handles only afterwards. */
export function hasHandleInFlight(child: ChildProcess): boolean {
  return Array.isArray((child as unknown as { _handleQueue?: unknown })._handleQueue)
}
