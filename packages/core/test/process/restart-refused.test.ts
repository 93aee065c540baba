// Proves which processes do not even try to restart.
import { expect, test } from 'vitest'
import type { GenerationState } from '../../src/api/status.js'
import type { System } from '../../src/node/system.js'
import { refuseRestart } from '../../src/process/restart-refused.js'

type World = Pick<
  System,
  'pid' | 'platform' | 'isClusterWorker' | 'isWorkerThread' | 'listensOfThreads'
>

const linux: World = {
  pid: 100,
  platform: 'linux',
  isClusterWorker: false,
  isWorkerThread: false,
  listensOfThreads: () => [],
}

test.each<[string, World, GenerationState, boolean, string | undefined]>([
  ['that serves', linux, 'running', false, undefined],
  ['on Windows', { ...linux, platform: 'win32' }, 'running', false, 'UNSUPPORTED_PLATFORM'],
  ['of a cluster', { ...linux, isClusterWorker: true }, 'running', false, 'UNSUPPORTED'],
  ['of threads, in one of them', { ...linux, isWorkerThread: true }, 'init', false, 'UNSUPPORTED'],
  [
    'with a port',
    { ...linux, listensOfThreads: () => ['port 1'] },
    'running',
    false,
    'UNSUPPORTED',
  ],
  ['that shuts down', linux, 'shutting-down', true, 'SHUTTING_DOWN'],
  ['that has ended, and shuts down once more', linux, 'terminate', true, 'SHUTTING_DOWN'],
  ['that does not serve yet', linux, 'init', false, 'NOT_RUNNING'],
  ['that restarts', linux, 'restarting', false, 'NOT_RUNNING'],
  ['that has ended', linux, 'terminate', false, 'NOT_RUNNING'],
])('one %s: %#', (_, world, state, isShuttingDown, code) => {
  const refusal = refuseRestart(world, { number: 0, state, isShuttingDown })
  expect(refusal?.code).toBe(code && `ERR_ENDLESS_${code}`)
})
