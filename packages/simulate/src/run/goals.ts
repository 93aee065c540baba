import type { FromSupervisor, ToSupervisor } from '../../../core/dist/handoff/protocol.js'

// What a simulation must have reached, or it proves little.

type MessageType = (FromSupervisor | ToSupervisor)['type']

/** Why no run comes to a message. */
const severalWorkers = 'only with several workers'
const upgrades = 'only with connections that have left HTTP'
const tls = 'only with TLS'

/** Each message of the protocol: a goal, or why it is none. A new one does not compile without its line. */
const messages: Readonly<Record<MessageType, true | string>> = {
  listener: true,
  welcome: true,
  'taken-over': true,
  'ask-alive': true,
  'ask-answers': true,
  proven: true,
  rollback: true,
  'serves-again': true,
  'return-answer': true,
  older: true,
  'ask-metrics': true,
  connection: true,
  upgrade: upgrades,
  hello: true,
  error: true,
  stderr: true,
  escrow: true,
  released: 'only if the program closes one of several servers',
  ready: true,
  serving: true,
  adopted: true,
  declined: true,
  'upgrade-adopted': upgrades,
  'upgrade-declined': upgrades,
  succeeded: true,
  'taken-back': true,
  heir: true,
  'ask-older': true,
  limit: true,
  leaving: true,
  alive: true,
  answers: true,
  'ask-rollback': true,
  'ask-proven': true,
  'giving-back': true,
  'returned-connection': true,
  'returned-upgrade': upgrades,
  metrics: true,
  counted: true,
  spawn: true,
  kill: true,
  'not-serving': true,
  answer: true,
  refusal: true,
  given: severalWorkers,
  taken: severalWorkers,
  load: severalWorkers,
  'renew-ticket-keys': tls,
  restart: severalWorkers,
  spawned: true,
  'spawn-failed': true,
  exited: true,
  measure: severalWorkers,
  give: severalWorkers,
  leave: severalWorkers,
  workers: severalWorkers,
  'ticket-keys': tls,
  restarted: severalWorkers,
  'not-restarted': severalWorkers,
  'predecessor-gone': true,
  ask: true,
}

/** What else has to happen: to a process, and to the service. */
const phases = [
  'kill when sent',
  'kill when arrives',
  'freeze when sent',
  'freeze when arrives',
  'supervisor killed',
  'stopped',
  'hammered',
  'restart failed',
  'taken over',
  'taken back',
  'proven',
  'rolled back',
  'replaced',
] as const

export type Phase = (typeof phases)[number]

/** What was not reached. */
export function missedGoals(reached: ReadonlyMap<string, number>): string[] {
  const wanted = Object.entries(messages).flatMap(([type, goal]) => (goal === true ? [type] : []))
  return [...wanted, ...phases].filter((each) => !reached.has(each))
}
