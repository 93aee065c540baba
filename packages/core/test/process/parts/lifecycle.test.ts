// Proves the state machine as a table: what each event does in each state.
import { expect, test } from 'vitest'
import type { GenerationState } from '../../../src/api/status.js'
import { type LifecycleEvent, transition } from '../../../src/process/parts/lifecycle.js'

const events = [
  'serve',
  'restart',
  'restart-failed',
  'taken-over',
  'stay-behind',
  'probation-over',
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
    'stay-behind': 'init', 'probation-over': 'init',
  },
  running: {
    serve: 'running', restart: 'restarting', 'restart-failed': 'running', 'taken-over': 'running',
    shutdown: 'shutting-down', drained: 'terminate', reopen: 'running', 'taken-back': 'running',
    'stay-behind': 'running', 'probation-over': 'running',
  },
  restarting: {
    serve: 'restarting', restart: 'restarting', 'restart-failed': 'running', 'taken-over': 'shutting-down',
    shutdown: 'shutting-down', drained: 'restarting', reopen: 'restarting', 'taken-back': 'restarting',
    'stay-behind': 'restarting', 'probation-over': 'restarting',
  },
  'shutting-down': {
    serve: 'shutting-down', restart: 'shutting-down', 'restart-failed': 'shutting-down',
    'taken-over': 'shutting-down', shutdown: 'shutting-down', drained: 'terminate', reopen: 'shutting-down', 'taken-back': 'running',
    'stay-behind': 'staying-behind', 'probation-over': 'shutting-down',
  },
  'staying-behind': {
    serve: 'staying-behind', restart: 'staying-behind', 'restart-failed': 'staying-behind',
    'taken-over': 'staying-behind', shutdown: 'shutting-down', drained: 'staying-behind', reopen: 'staying-behind',
    'taken-back': 'running', 'stay-behind': 'staying-behind', 'probation-over': 'shutting-down',
  },
  terminate: {
    serve: 'terminate', restart: 'terminate', 'restart-failed': 'terminate', 'taken-over': 'terminate',
    shutdown: 'terminate', drained: 'terminate', reopen: 'init', 'taken-back': 'terminate',
    'stay-behind': 'terminate', 'probation-over': 'terminate',
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
