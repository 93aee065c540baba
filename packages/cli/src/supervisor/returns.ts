import type { RawHandle, ToPredecessor, ToSuccessor } from '@endless/core/for-cli'
import type { Generation } from './generation.js'

// Passes on what a generation says that was rolled back. It has no place in the chain any more.

/**
 * Handles a message of a generation that was rolled back: the generation that serves in its place gets the
 * connections, and the answers to those that were on their way.
 */
export async function passBack(
  from: Generation,
  message: ToPredecessor | ToSuccessor,
  handle: RawHandle | undefined,
): Promise<void> {
  const isPassed = await pass(from, message, handle)
  handle?.close()
  if (isPassed) return
  if (message.type !== 'returned-connection' && message.type !== 'returned-upgrade') return
  const of = message.type === 'returned-connection' ? 'connection' : 'upgrade'
  // The other one has no file descriptor left for it.
  void from.send({ type: 'return-answer', of, id: message.id, isAdopted: false, to: from.pid })
}

async function pass(
  from: Generation,
  message: ToPredecessor | ToSuccessor,
  handle: RawHandle | undefined,
): Promise<boolean> {
  if (message.type === 'giving-back') from.returning?.reacted.resolve()
  switch (message.type) {
    case 'giving-back':
    case 'returned-connection':
    case 'returned-upgrade':
    case 'adopted':
    case 'declined':
    case 'upgrade-adopted':
    case 'upgrade-declined':
      return (await from.rolledBackBy?.send({ ...message, from: from.pid }, handle)) ?? true
    case 'error':
      from.lastWords.diedOf(message.error)
      return true
    case 'stderr':
      from.lastWords.wrote(message.text)
      return true
    default:
      return true
  }
}
