import type { ChildProcess } from 'node:child_process'
import type { Channel } from '../line/channel.js'
import { withStdio } from '../line/stdio.js'
import { channelTo } from '../line/to-child.js'
import type { System } from '../node/system.js'
import type { SpawnRequest, ToPredecessor, ToSuccessor } from './protocol.js'

/** How a process has ended: `{ code: 1, signal: null }`. */
export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

/** The process of a successor, with the line to it. */
export interface Child {
  /** Unknown until it has been started. */
  readonly pid: number | undefined
  readonly channel: Channel<ToSuccessor, ToPredecessor>
  /**
   * Settles when it is gone, or `lost`: nothing more is heard of it, nor of its end. Rejects if it could not be
   * started.
   */
  readonly exit: Promise<Exit | 'lost'>
  /** Signals it, unless it is gone. */
  kill(signal: NodeJS.Signals): void
  /** Lets this process end while it lives on. */
  release(): void
  /** Ends the line to it, as our exit would. Through a supervisor that is not possible: the line is shared. */
  disconnect(): void
}

/**
 * Starts a child of this process.
 *
 * @param onGarbage called with the reason when something has come from it that is not for us
 * @throws what Node throws for some failures (E2BIG, an argument that is no string); others reject `exit`
 */
export function startChild(
  system: System,
  { command, args, cwd, env }: SpawnRequest,
  onGarbage: (reason: unknown) => void,
): Child {
  const child = withStdio((stdio) => system.spawn(command, args, { cwd, env, stdio }))
  const channel = channelTo<ToSuccessor, ToPredecessor>(child, onGarbage)
  return {
    pid: child.pid,
    channel,
    exit: exitOf(child),
    kill(signal) {
      // Its pid is ours until we have heard of its end.
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
        child.kill(signal)
      }
    },
    release() {
      child.unref()
      channel.unref()
    },
    disconnect() {
      if (child.connected) child.disconnect()
    },
  }
}

async function exitOf(child: ChildProcess): Promise<Exit> {
  const exit = new Promise<Exit>((resolve) =>
    child.once('exit', (code, signal) => {
      resolve({ code, signal })
    }),
  )
  // Listened to for good: 'error' comes for other reasons too, such as each signal that could not be
  // sent, and would end this process if nobody did.
  const failed = new Promise<never>((_, reject) =>
    child.on('error', (error) => {
      if (child.pid === undefined) reject(error)
    }),
  )
  return Promise.race([exit, failed])
}
