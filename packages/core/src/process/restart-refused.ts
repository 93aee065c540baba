import { EndlessError } from '../api/endless-error.js'
import { generationName, type NamedGeneration } from '../api/generation-name.js'
import type { GenerationState } from '../api/status.js'
import type { System } from '../node/system.js'

// Which processes do not even try to restart, and why.

/** What {@link refuseRestart} needs to know of the process. */
export interface RestartingGeneration {
  readonly number: number
  readonly state: GenerationState
  readonly isShuttingDown: boolean
}

/** Returns why a process cannot restart; `undefined` if it can. */
export function refuseRestart(
  system: Pick<
    System,
    'pid' | 'platform' | 'isClusterWorker' | 'isWorkerThread' | 'listensOfThreads'
  >,
  { number, state, isShuttingDown }: RestartingGeneration,
): EndlessError | undefined {
  if (system.platform === 'win32') {
    return new EndlessError(
      'ERR_ENDLESS_UNSUPPORTED_PLATFORM',
      'Cannot restart on Windows, where no listening socket can be passed on. Shut down and start again.',
    )
  }
  if (system.isWorkerThread) {
    return new EndlessError(
      'ERR_ENDLESS_UNSUPPORTED',
      'Cannot restart a worker thread: a restart replaces the whole process. Call it in the main thread.',
    )
  }
  if (system.isClusterWorker) {
    return new EndlessError(
      'ERR_ENDLESS_UNSUPPORTED',
      'Cannot restart a cluster worker: its sockets belong to the primary process. Restart the primary.',
    )
  }
  if (isShuttingDown) return shuttingDown({ number, pid: system.pid })
  const [address] = system.listensOfThreads()
  if (address !== undefined) {
    return new EndlessError(
      'ERR_ENDLESS_UNSUPPORTED',
      `Cannot restart: a worker thread listens on ${address}, which no restart can hand over. ` +
        'Listen in the main thread or on port 0, and then stop the service and start it once.',
    )
  }
  if (state !== 'running') {
    return new EndlessError(
      'ERR_ENDLESS_NOT_RUNNING',
      `Cannot restart: this process serves nothing (state '${state}'). Wait for the 'ready' event.`,
    )
  }
  return undefined
}

/** Creates the error of a restart that a shutdown prevents or interrupts. */
export function shuttingDown(generation: NamedGeneration): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_SHUTTING_DOWN',
    `Cannot restart: ${generationName(generation)} is shutting down.`,
  )
}
