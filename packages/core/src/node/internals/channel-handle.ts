import type { ChildProcess } from 'node:child_process'
import { type ReadHandle, readCarefully } from './channel-reading.js'
import type { RawHandle } from './raw-handle.js'
import { symbolNamed } from './symbol-named.js'

// The handle of the channel to a child.

/**
 * Watches the parent's end of an IPC channel. Nothing that a child writes there throws. And Node reports the end of
 * the channel by 'disconnect', but never while a handle waits for its acknowledgement
 * (lib/internal/child_process.js, setupChannel and disconnect).
 */
export function watchChannel(
  child: ChildProcess,
  watch: { onEnd: () => void; onGarbage: (reason: unknown) => void },
): void {
  const handle = channelHandleOf(child)
  if (!handle) return // the child could not be started
  const onread = handle.onread.bind(handle)
  const tolerant = (...args: unknown[]): void => {
    try {
      onread(...args)
    } catch (error) {
      if (error instanceof SyntaxError) throw error
      watch.onGarbage(error)
    }
  }
  readCarefully(handle, tolerant, watch)
}

/** Whether messages to a child wait in this process: it does not read, or has a handle to acknowledge. */
export function isBackedUp(child: ChildProcess): boolean {
  return hasHandleInFlight(child) || (channelHandleOf(child)?.writeQueueSize ?? 0) > 0
}

function channelHandleOf(child: ChildProcess): (RawHandle & ReadHandle) | undefined {
  const key = symbolNamed(child, 'kChannelHandle')
  return key && (child as unknown as Record<symbol, (RawHandle & ReadHandle) | undefined>)[key]
}

/** Whether a child has yet to acknowledge a handle; Node sends further handles only afterwards. */
export function hasHandleInFlight(child: ChildProcess): boolean {
  return Array.isArray((child as unknown as { _handleQueue?: unknown })._handleQueue)
}
