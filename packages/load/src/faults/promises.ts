import type { Cell } from './cells.js'
import { scenarioOf } from './cells.js'
import type { FaultKind } from './faults.js'

// What is promised for a fault, by its kind and by the phase in which it comes.

/** Which losses are the fault's own. */
export type Excuse =
  /** What a process held that dies of the fault. */
  | 'the dead'
  /** What a process held that another one ends, since it does not react or cannot be reached. */
  | 'the given up'
  /** What a process held that shuts down, and was told to end its connections. */
  | 'the hammered'
  /** New connections that a process without descriptors could not take: Node closes them. */
  | 'new connections'
  /** New connections before a successor whose predecessor died has bound the address itself. */
  | 'the gap'
  /** New connections to a service that was told to end. */
  | 'the end'

export interface Promised {
  sentence: string
  excuses: readonly Excuse[]
  /** Whether no process should be left at the end. */
  ends: boolean
  /** Whether the workers may have different versions, as nobody is left who could end the roll. */
  mixes: boolean
}

const dies: Pick<Promised, 'sentence' | 'excuses'> = {
  sentence:
    'What the dead process held is lost with it, and nothing else; of a supervisor, the connections on their way ' +
    'through it. One generation serves for each worker: an older one, too, if only the dead one knew of a stop. ' +
    'If the release on the disk does not start, a dead worker is replaced by the next one that does. ' +
    'A supervisor that dies in a roll leaves each worker with the version that it has. ' +
    'Without a supervisor each worker restarts on its own, and nothing replaces one that ' +
    'serves alone after a rollback or a probation. If the only process that has the sockets dies before it ' +
    'has welcomed its successor, connections are refused until that has booted.',
  excuses: ['the dead'],
}
const halts: Pick<Promised, 'sentence' | 'excuses'> = {
  sentence:
    'Nothing is lost while it halts: clients wait. If a process waits for its answer and gives it up, it is ended, ' +
    'and what it held is lost with it. It comes back to a service in which one generation serves for each worker.',
  excuses: ['the given up'],
}
const lineFails: Pick<Promised, 'sentence' | 'excuses'> = {
  sentence:
    'Nothing is lost, and no process dies of what it reads. The restart succeeds or fails. A generation that its ' +
    'supervisor cannot reach any more is ended and replaced, as a dead one is, and what it held when it was killed is ' +
    'lost with it.',
  excuses: ['the given up'],
}
const surroundings: Pick<Promised, 'sentence' | 'excuses'> = {
  sentence:
    'Nothing is lost. The restart succeeds or fails as a whole. As soon as the directory can be written again, the ' +
    'next restart works, and pid file and control socket lead to who serves.',
  excuses: [],
}

export const promises: Record<FaultKind, Pick<Promised, 'sentence' | 'excuses'>> = {
  killed: dies,
  'exits 0': dies,
  stopped: halts,
  blocks: halts,
  'no descriptors': {
    sentence:
      'No kept connection is lost. New ones that a process without descriptors cannot take are closed by Node, in ' +
      'those two seconds. The restart succeeds or fails; nothing stays behind.',
    excuses: ['new connections', 'the given up'],
  },
  'channel cut': lineFails,
  garbage: lineFails,
  'half a message': lineFails,
  SIGHUP: {
    sentence: 'Nothing is lost. Another restart follows, or this one answers for both.',
    excuses: [],
  },
  SIGTERM: {
    sentence:
      'The service ends. Each request that a process has read is answered, and neither a process nor a file is left.',
    excuses: ['the end'],
  },
  SIGUSR2: {
    sentence:
      'A process that serves ignores it. One that drains ends its connections, as it is told, and no others are lost.',
    excuses: ['the hammered'],
  },
  'disk full': surroundings,
  'read-only': surroundings,
  'clock jumps': {
    sentence: 'Nothing is lost, and nothing is waited for longer: the jump is not noticed.',
    excuses: [],
  },
}

export function isDeadly(kind: FaultKind): boolean {
  return kind === 'killed' || kind === 'exits 0'
}

/** Returns what is promised for a cell. */
export function promiseOf(cell: Cell): Promised {
  const { kind } = cell.fault
  const promised = promises[kind]
  const isTold = kind === 'SIGTERM' || scenarioOf(cell).ends === true
  const ends = (isTold && !diesUnheard(cell)) || leavesNobody(cell)
  const excuses: Excuse[] = [
    ...promised.excuses,
    ...(ends ? (['the end'] as const) : []),
    ...(leavesGap(cell) ? (['the gap'] as const) : []),
  ]
  const mixes = isDeadly(kind) && cell.fault.victim === 'supervisor' && scenarioOf(cell).workers > 1
  return { ...promised, excuses, ends, mixes }
}

/**
 * Whether the listening sockets are gone for a moment: the only process that has them dies before its successor has
 * been passed any. A supervisor, or an older generation, would keep copies.
 */
function leavesGap({ type, moment, fault }: Cell): boolean {
  return (
    moment.scenario === 'restart' &&
    isDeadly(fault.kind) &&
    fault.victim === 'predecessor' &&
    ['hello', 'listener', 'welcome'].includes(type)
  )
}

/** Whether the process that was told to end the service dies before it can tell others: then an older one serves. */
function diesUnheard({ moment, fault }: Cell): boolean {
  return moment.scenario === 'stop' && isDeadly(fault.kind) && fault.victim === moment.from
}

/**
 * Whether the only process that serves dies, and nothing replaces it: without a supervisor, after a rollback, when the
 * successor gives back what it has, and after a probation.
 */
function leavesNobody({ type, moment, fault }: Cell): boolean {
  if (!isDeadly(fault.kind)) return false
  if (moment.scenario === 'probation') return type === 'proven' && fault.victim === 'successor'
  return (
    ['rollback', 'returned tunnel'].includes(moment.scenario) &&
    fault.victim === 'predecessor' &&
    !['rollback', 'ask-rollback'].includes(type)
  )
}
