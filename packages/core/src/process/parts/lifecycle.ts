import type { GenerationState } from '../../api/status.js'

// The states of a generation, and what changes them.

/** What can happen to a generation. */
export type LifecycleEvent =
  | 'serve' // its servers accept connections
  | 'restart' // a successor is spawned
  | 'restart-failed' // the successor will not serve
  | 'taken-over' // the successor serves
  | 'stay-behind' // all is drained, and the successor is on probation
  | 'probation-over' // it need not stay behind any more
  | 'taken-back' // the successor has died or was rolled back, and this generation accepts again
  | 'shutdown' // it is asked to shut down
  | 'drained' // the last server has terminated
  | 'reopen' // a server listens again in a process whose servers had all terminated

const transitions: Record<GenerationState, Partial<Record<LifecycleEvent, GenerationState>>> = {
  init: { serve: 'running', shutdown: 'shutting-down', drained: 'terminate' },
  running: { restart: 'restarting', shutdown: 'shutting-down', drained: 'terminate' },
  restarting: {
    'restart-failed': 'running',
    'taken-over': 'shutting-down',
    shutdown: 'shutting-down',
  },
  'shutting-down': {
    'taken-back': 'running',
    'stay-behind': 'staying-behind',
    drained: 'terminate',
  },
  'staying-behind': {
    'taken-back': 'running',
    'probation-over': 'shutting-down',
    shutdown: 'shutting-down',
  },
  terminate: { reopen: 'init' },
}

/** Returns the state after an event; an event that means nothing in a state does not change it. */
export function transition(state: GenerationState, event: LifecycleEvent): GenerationState {
  return transitions[state][event] ?? state
}

/** The state of this process. */
export class Lifecycle {
  #state: GenerationState = 'init'

  get state(): GenerationState {
    return this.#state
  }

  apply(event: LifecycleEvent): void {
    this.#state = transition(this.#state, event)
  }
}
