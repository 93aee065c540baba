import type { ChildProcess } from 'node:child_process'
import type net from 'node:net'
import type { Channel } from '../line/channel.js'
import { extraLineFd, withStdio } from '../line/stdio.js'
import { channelTo } from '../line/to-child.js'
import { rawHandleOf, stopReading } from '../node/internals/connection-handle.js'
import type { System } from '../node/system.js'
import type { SpawnRequest, SuccessorSignal, ToPredecessor, ToSuccessor } from './protocol.js'

// A successor that is a child of this process; supervised-child.ts holds a child of the supervisor.

/** How a process ended: `{ code: 1, signal: null }`. */
export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

/** The process of a successor, and the line to it. */
export interface Child {
  /** Undefined until the process has started. */
  readonly pid: number | undefined
  readonly channel: Channel<ToSuccessor, ToPredecessor>
  /** Our end of a second line to it, to be given to another process; `undefined` if there is none. */
  readonly extraLine?: net.Socket | undefined
  /**
   * Settles when the process is gone, or with `lost` when nothing more will be heard of it, not even its end.
   * Rejects if the process could not be started.
   */
  readonly exit: Promise<Exit | 'lost'>
  /** Sends a signal, unless the process is gone. */
  kill(signal: SuccessorSignal): void
  /** Lets this process end while the child lives on. */
  release(): void
  /** Closes the line to the child, as our exit would. Does nothing if the line is the supervisor's. */
  disconnect(): void
}

/**
 * Starts a child of this process.
 *
 * @param onGarbage called with the reason when the child writes something to its channel that is not ours
 * @param hasExtraLine whether the child gets a second line
 * @throws what Node throws at once (E2BIG, an argument that is not a string); other failures reject `exit`
 */
export function startChild(
  system: System,
  { command, args, cwd, env }: SpawnRequest,
  onGarbage: (reason: unknown) => void,
  hasExtraLine = false,
): Child {
  const child = withStdio((stdio) => system.spawn(command, args, { cwd, env, stdio }), hasExtraLine)
  const channel = channelTo<ToSuccessor, ToPredecessor>(child, onGarbage)
  return {
    pid: child.pid,
    channel,
    extraLine: hasExtraLine ? extraLineOf(child) : undefined,
    exit: exitOf(child),
    kill(signal) {
      // Until its exit is reported, no other process can have this pid.
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

function extraLineOf(child: ChildProcess): net.Socket | undefined {
  const stdio: readonly unknown[] = child.stdio
  // Undefined if the process could not be started. Its end is reported otherwise.
  const line = stdio[extraLineFd] as net.Socket | undefined
  const handle = line && rawHandleOf(line)
  // Node reads at once. What the child says there is for the process that gets this end.
  if (handle) stopReading(handle)
  return line?.on('error', () => undefined).unref()
}

async function exitOf(child: ChildProcess): Promise<Exit> {
  const exit = new Promise<Exit>((resolve) =>
    child.once('exit', (code, signal) => {
      resolve({ code, signal })
    }),
  )
  // Stays for good: 'error' also comes for other reasons, such as a signal that could not be sent, and
  // would end this process if nothing listened.
  const failed = new Promise<never>((_, reject) =>
    child.on('error', (error) => {
      if (child.pid === undefined) reject(error)
    }),
  )
  return Promise.race([exit, failed])
}
