// The faults, and whom they befall.

/** A process, by its part in what happens when the fault comes. */
export type Role =
  | 'successor'
  | 'predecessor'
  /** The generation before the predecessor, which still drains. */
  | 'oldest'
  | 'supervisor'
  /** One of two workers that do not restart in this moment. */
  | 'worker'
  | 'other worker'

/** Faults of one process. Their names are those in test/faults/obeys.cjs. */
export const processFaults = ['killed', 'stopped', 'exits 0', 'blocks', 'no descriptors'] as const

/** Faults of the line on which the message is about to be sent, by the hand of its sender. */
export const lineFaults = ['channel cut', 'garbage', 'half a message'] as const

/** Signals to the process that the pid file names, from the sender of the message. */
export const signalFaults = ['SIGHUP', 'SIGTERM', 'SIGUSR2'] as const

/** Faults of what surrounds the service: the directory of pid file and control socket, and the clock of all. */
export const surroundingFaults = ['disk full', 'read-only', 'clock jumps'] as const

export const faultKinds = [
  ...processFaults,
  ...lineFaults,
  ...signalFaults,
  ...surroundingFaults,
] as const

export type FaultKind = (typeof faultKinds)[number]

/** One fault, with the process that it befalls if it befalls one. */
export interface Fault {
  kind: FaultKind
  victim?: Role
}

/** Returns the name of a fault: `successor killed`, `disk full`. */
export function faultName({ kind, victim }: Fault): string {
  return victim === undefined ? kind : `${victim} ${kind}`
}

export function isLineFault(kind: FaultKind): boolean {
  return (lineFaults as readonly FaultKind[]).includes(kind)
}

/** Whether a fault needs a file system of its own, which only root can mount. */
export function needsMount({ kind }: Fault): boolean {
  return kind === 'disk full' || kind === 'read-only'
}

/**
 * Returns the faults that befall a message which these processes send, pass on or receive.
 *
 * @param isBeside whether the message is beside the handoff: then those of its processes and of its line are enough
 */
export function faultsAmong(participants: readonly Role[], isBeside: boolean): Fault[] {
  const others = isBeside ? lineFaults : faultKinds.slice(processFaults.length)
  return [
    ...processFaults.flatMap((kind) => participants.map((victim) => ({ kind, victim }))),
    ...others.map((kind) => ({ kind })),
  ]
}
