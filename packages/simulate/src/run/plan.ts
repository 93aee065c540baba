import type { Release } from '../process/release.js'

/** What is done to the service from outside. */
export interface Step {
  /** Time since the step before. */
  afterMs: number
  do: 'restart' | 'stop' | 'hammer' | 'kill' | 'freeze' | 'rollback' | 'prove' | 'status'
  /** Whether the supervisor is asked, or without one the oldest generation: not the one that serves. */
  isAsked: boolean
}

/** What happens to a process at a message. */
export interface Fault {
  /** Which message, counted from the first restart. */
  at: number
  when: 'sent' | 'arrives'
  who: 'from' | 'to' | 'supervisor'
  what: 'kill' | 'freeze'
  /** How long it stays frozen. */
  forMs: number
  areTimersFirst: boolean
}

/** What one run does. */
export interface Plan {
  isSupervised: boolean
  /** The seed of all delays. */
  noise: number
  /** The longest delay of a message. */
  latencyMs: number
  /** What each generation that is started runs, the first one apart; later ones run a good one. */
  releases: Release[]
  probationMs: number
  steps: Step[]
  faults: Fault[]
  keptClients: number
  freshClients: number
  /** How long a request takes at most, and how long a client thinks. */
  workMs: number
  thinkMs: number
}
