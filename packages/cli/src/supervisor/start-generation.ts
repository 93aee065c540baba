import type { ChildProcess } from 'node:child_process'
import {
  generationName,
  messageOf,
  type RawHandle,
  renumbered,
  type SpawnRequest,
  type ToSupervisor,
  withStdio,
} from '@endless/core/for-cli'
import { Generation } from './generation.js'
import type { SlotHost } from './slot-host.js'

// Starts the process of a generation.

/** Kinds of wrong messages that are told of one generation; there are fewer. */
const mostKinds = 100

/** Receives a message from a generation. */
export type Receive = (
  from: Generation,
  message: ToSupervisor,
  handle: RawHandle | undefined,
) => void

/**
 * Starts a generation; if that fails, returns a promise of the reason.
 *
 * @param receive called for each message of the generation; an error that it throws is logged
 */
export function startGeneration(
  host: SlotHost,
  launch: SpawnRequest,
  number: number,
  receive: Receive,
): Generation | Promise<Error> {
  const { command, args, cwd, env } = launch
  let child: ChildProcess
  try {
    child = withStdio((stdio) =>
      // A terminal's Ctrl-C must reach this process alone.
      // See docs/decisions.md, "Each generation has a session of its own"
      host.spawn(command, args, { cwd, env: renumbered(env, number), stdio, detached: true }),
    )
  } catch (error) {
    return Promise.resolve(error as Error)
  }
  if (!hasStarted(child)) return failureOf(child)
  // 'error' also comes for other reasons, such as a signal that could not be sent.
  child.on('error', ignore)
  const told = new Set<string>()
  const generation: Generation = new Generation(
    child,
    { launch, number, nowMs: host.now() },
    (message, handle) => {
      receive(generation, message, handle)
    },
    (reason) => {
      // Each kind once: a generation that is out of its mind would fill the log. A syntax error quotes the text.
      const kind = reason instanceof SyntaxError ? 'no JSON' : messageOf(reason)
      if (told.has(kind) || told.size === mostKinds) return
      told.add(kind)
      host.logger.error(
        `Ignored a message from ${generationName(generation)}, which is not for a supervisor: ` +
          `${messageOf(reason)}; further ones of this kind are not told`,
      )
    },
    () => {
      host.logger.error(
        `${generationName(generation)} does not read what it is sent, for too long, and is ended`,
      )
    },
  )
  return generation
}

function hasStarted(child: ChildProcess): child is ChildProcess & { pid: number } {
  return child.pid !== undefined
}

/** Resolves with the reason why a process could not be started. */
function failureOf(child: ChildProcess): Promise<Error> {
  return new Promise((resolve) => child.on('error', resolve))
}

function ignore(): void {
  // If the generation ends, its event 'exit' says so.
}
