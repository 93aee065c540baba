// Proves the state machine as a table: what each event does in each state.
import { expect, test } from 'vitest'
import type { GenerationState } from '../../../src/api/status.js'
import { type LifecycleEvent, transition } from '../../../src/process/parts/lifecycle.js'

const events = [
  'serve',
  'restart',
  'restart-failed',
  'taken-over',
  'shutdown',
  'taken-back',
  'drained',
  'reopen',
] as const satisfies readonly LifecycleEvent[]

// prettier-ignore
const table: Record<GenerationState, Record<LifecycleEvent, GenerationState>> = {
  init: {
    serve: 'running', restart: 'init', 'restart-failed': 'init', 'taken-over': 'init',
    shutdown: 'shutting-down', drained: 'terminate', reopen: 'init', 'taken-back': 'init',
  },
  running: {
    serve: 'running', restart: 'restarting', 'restart-failed': 'running', 'taken-over': 'running',
    shutdown: 'shutting-down', drained: 'terminate', reopen: 'running', 'taken-back': 'running',
  },
  restarting: {
    serve: 'restarting', restart: 'restarting', 'restart-failed': 'running', 'taken-over': 'shutting-down',
    shutdown: 'shutting-down', drained: 'restarting', reopen: 'restarting', 'taken-back': 'restarting',
  },
  'shutting-down': {
    serve: 'shutting-down', restart: 'shutting-down', 'restart-failed': 'shutting-down',
    'taken-over': 'shutting-down', shutdown: 'shutting-down', drained: 'terminate', reopen: 'shutting-down', 'taken-back': 'running',
  },
  terminate: {
    serve: 'terminate', restart: 'terminate', 'restart-failed': 'terminate', 'taken-over': 'terminate',
    shutdown: 'terminate', drained: 'terminate', reopen: 'init', 'taken-back': 'terminate',
  },
}

for (const [state, row] of Object.entries(table) as [
  GenerationState,
  Record<LifecycleEvent, GenerationState>,
][]) {
  test.each(events.map((event) => [event, row[event]] as const))(
    `in '${state}', '%s' leads to '%s'`,
    (event, next) => {
      expect(transition(state, event)).toBe(next)
    },
  )
}
