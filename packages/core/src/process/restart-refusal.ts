import { EndlessError } from '../api/endless-error.js'
import type { GenerationState } from './parts/lifecycle.js'
import type { System } from '../node/system.js'

/** Why a process cannot restart; `undefined` if it can. */
export function refuseRestart(
  { platform, isClusterWorker }: Pick<System, 'platform' | 'isClusterWorker'>,
  state: GenerationState,
  isShuttingDown: boolean,
): EndlessError | undefined {
  if (platform === 'win32') {
    return new EndlessError(
      'ERR_ENDLESS_UNSUPPORTED_PLATFORM',
      'Cannot restart on Windows: it has no way to pass a listening socket on. Shut down and start again.',
    )
  }
  if (isClusterWorker) {
    return new EndlessError(
      'ERR_ENDLESS_UNSUPPORTED',
      'Cannot restart a cluster worker: its sockets belong to the primary process. Restart that.',
    )
  }
  if (isShuttingDown) return shuttingDown()
  if (state !== 'running') {
    return new EndlessError(
      'ERR_ENDLESS_NOT_RUNNING',
      `Cannot restart: this process serves nothing (state '${state}'). Wait for the 'ready' event.`,
    )
  }
  return undefined
}

/** What a restart fails with that a shutdown breaks off. */
export function shuttingDown(): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_SHUTTING_DOWN',
    'Cannot restart: this process is shutting down.',
  )
}
