import type { ChildProcess } from 'node:child_process'
import {
  generationName,
  type RawHandle,
  type SpawnRequest,
  type ToSupervisor,
  withStdio,
} from '@endless/core/for-cli'
import { Generation } from './generation.js'
import type { SupervisorHost } from './supervisor-host.js'

/** What comes from a generation. */
export type Receive = (
  from: Generation,
  message: ToSupervisor,
  handle: RawHandle | undefined,
) => void

/**
 * Starts a generation; gives the reason why if that cannot be done.
 *
 * @param receive called for each message of it; what it throws is the sender's fault
 */
export function startGeneration(
  host: SupervisorHost,
  launch: SpawnRequest,
  number: number,
  receive: Receive,
): Generation | Promise<Error> {
  const { command, args, cwd, env } = launch
  let child: ChildProcess
  try {
    child = withStdio((stdio) =>
      // In a session of its own: a terminal's Ctrl-C is for this process alone.
      host.spawn(command, args, { cwd, env, stdio, detached: true }),
    )
  } catch (error) {
    return Promise.resolve(error as Error)
  }
  if (!hasStarted(child)) return failureOf(child)
  // It comes for other reasons too, such as a signal that could not be sent.
  child.on('error', ignore)
  const generation: Generation = new Generation(
    child,
    { launch, number, nowMs: host.now() },
    (message, handle) => {
      receive(generation, message, handle)
    },
    (reason) => {
      host.logger.error(
        `Ignored what came from ${generationName(generation)}: ` +
          `it is not for a supervisor: ${reason instanceof Error ? reason.message : String(reason)}`,
      )
    },
  )
  return generation
}

function hasStarted(child: ChildProcess): child is ChildProcess & { pid: number } {
  return child.pid !== undefined
}

/** Settles with the reason why a process could not be started. */
function failureOf(child: ChildProcess): Promise<Error> {
  return new Promise((resolve) => child.on('error', resolve))
}

function ignore(): void {
  // What becomes of a generation is heard from its end.
}
