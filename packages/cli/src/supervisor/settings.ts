import type { SupervisorOptions } from '@endless/core/for-cli'

/** The options of a supervisor, each with its value. A limit that is 0 is none. */
export type SupervisorSettings = Required<Omit<SupervisorOptions, 'workers'>> & {
  /** How many generations serve together. */
  readonly workers: number
}

/** What a supervisor does that nobody has given an option. */
export const supervisorDefaults: SupervisorSettings = {
  workers: 1,
  parallel: 1,
  balance: true,
  maxBlockedMs: 0,
  maxMemoryBytes: 0,
  maxAgeMs: 0,
}

/** The same as text. */
export const supervisorDefaultTexts: Readonly<Record<keyof SupervisorSettings, string>> = {
  workers: '1',
  parallel: '1',
  balance: 'true',
  maxBlockedMs: 'none',
  maxMemoryBytes: 'none',
  maxAgeMs: 'none',
}
