import type { Role } from './faults.js'
import type { ScenarioName } from './scenarios.js'

/** A message on its way, in a scenario: there a fault can happen. */
export interface Moment {
  scenario: ScenarioName
  from: Role
  to: Role
  /** Whether it is beside the handoff, so that only the faults of processes and lines matter. */
  isBeside?: boolean
}

/** Why no fault happens at a message. */
export interface NoMoment {
  because: string
}

type Row = readonly Moment[] | NoMoment

const at = (from: Role, to: Role, ...in_: ScenarioName[]): Moment[] =>
  in_.map((scenario) => ({ scenario, from, to }))
/** Moments that are beside the handoff of their scenario. */
const beside = (moments: Moment[]): Moment[] => moments.map((each) => ({ ...each, isBeside: true }))
const toSuccessor = (...in_: ScenarioName[]) => at('predecessor', 'successor', ...in_)
const toPredecessor = (...in_: ScenarioName[]) => at('successor', 'predecessor', ...in_)
const toSupervisor = (...in_: ScenarioName[]) => at('predecessor', 'supervisor', ...in_)
const fromSupervisor = (...in_: ScenarioName[]) => at('supervisor', 'predecessor', ...in_)
const bySurvivors = (...in_: ScenarioName[]) => at('predecessor', 'oldest', ...in_)

/**
 * Each type of message of packages/core/src/handoff/protocol.ts, with the moments in which a fault happens: whichever
 * process sends it first is told. test/faults/steps.test.ts compares the types.
 */
export const steps: Record<string, Row> = {
  // A handoff, in the order in which its messages are sent.
  spawn: toSupervisor('supervised', 'roll'),
  spawned: beside(fromSupervisor('supervised')),
  heir: bySurvivors('third'),
  hello: toPredecessor('restart', 'supervised', 'roll'),
  listener: [...toSuccessor('restart'), ...beside(toSuccessor('supervised'))],
  welcome: toSuccessor('restart', 'supervised'),
  escrow: [...toPredecessor('restart'), ...beside(at('successor', 'supervisor', 'supervised'))],
  ready: toPredecessor('restart', 'supervised', 'third', 'roll'),
  succeeded: [...bySurvivors('third', 'supervised third'), ...toSupervisor('supervised')],
  'taken-over': toSuccessor(
    'restart',
    'supervised',
    'third',
    'supervised third',
    'roll',
    'probation',
  ),
  limit: toPredecessor('restart'),
  serving: toPredecessor('restart', 'supervised', 'roll'),
  connection: toSuccessor('restart', 'supervised'),
  adopted: toPredecessor('restart', 'supervised'),
  upgrade: toSuccessor('tunnel'),
  'upgrade-adopted': toPredecessor('tunnel'),
  'predecessor-gone': beside(at('supervisor', 'successor', 'supervised')),
  stderr: toPredecessor('bad release'),
  error: toPredecessor('bad release'),
  counted: bySurvivors('bad release'),
  leaving: toPredecessor('stop'),

  // A probation, and its end in a rollback.
  'ask-alive': toSuccessor('probation'),
  alive: toPredecessor('probation'),
  'ask-answers': toSuccessor('compared probation'),
  answers: toPredecessor('compared probation'),
  'ask-proven': toPredecessor('proved'),
  proven: toSuccessor('probation'),
  ask: beside(fromSupervisor('supervised rollback')),
  'ask-rollback': toPredecessor('rollback'),
  rollback: toSuccessor('rollback', 'supervised rollback'),
  'giving-back': toPredecessor('rollback', 'supervised rollback'),
  'returned-connection': toPredecessor('rollback', 'supervised rollback'),
  'returned-upgrade': toPredecessor('returned tunnel'),
  'return-answer': toSuccessor('rollback', 'supervised rollback'),
  'taken-back': toSupervisor('supervised rollback'),
  'serves-again': toSuccessor('rollback', 'supervised rollback'),
  exited: fromSupervisor('supervised rollback'),
  answer: beside(toSupervisor('supervised rollback')),

  // What is asked and done beside it.
  'ask-older': toPredecessor('status'),
  older: toSuccessor('status'),
  restart: toSupervisor('inside'),
  restarted: { because: 'the worker that has asked has often given way by then, and is not told' },
  refusal: toSupervisor('bad release inside'),
  'not-restarted': fromSupervisor('bad release inside'),
  measure: beside(at('supervisor', 'worker', 'roll')),
  load: beside(at('worker', 'supervisor', 'roll')),
  give: beside(at('supervisor', 'worker', 'roll')),
  given: beside(at('worker', 'other worker', 'roll')),
  taken: beside(at('other worker', 'worker', 'roll')),
  workers: at('supervisor', 'worker', 'scale'),
  leave: at('supervisor', 'worker', 'scale'),

  // No moment.
  declined: { because: 'only a successor without descriptors sends it: see its column' },
  'upgrade-declined': { because: 'only a successor without descriptors sends it' },
  released: { because: 'the program closes a server by itself: no step of a handoff' },
  kill: { because: 'a failed restart has been decided before: the faults at `ready` lead there' },
  'not-serving': { because: 'answers the death of a process: the deaths at `serving` lead there' },
  'spawn-failed': { because: 'only a supervisor without descriptors sends it: see `spawn`' },
  'renew-ticket-keys': {
    because: 'once in hours, between workers that serve TLS: no step of a handoff',
  },
  'ticket-keys': { because: 'once in hours, between workers that serve TLS: no step of a handoff' },
  'ask-metrics': {
    because: 'asks a process that has given way, of whose socket a client still knows',
  },
  metrics: { because: 'answers `ask-metrics`' },
}
