// What the preload `@endless/core/register` leaves for core.

/** The start of a process, as the preload `register` saw it, and the listening sockets of its threads. */
export interface RegisterRecord {
  /** `process.argv` before the program's first line. */
  readonly argv: readonly string[]
  readonly execArgv: readonly string[]
  /** Working directory before the program's first line; '' if it had been deleted. */
  readonly directory: string
  /** Fixed addresses on which each thread listens, by the id of the thread. */
  readonly listensOfThreads: Map<number, Set<string>>
  /** Takes the preload out of what children of this process inherit. */
  hideFromChildren(): void
  /** Path of the preload, if `endless run` loaded it: it does so in each generation. */
  byRun?: string
}

/** Key of the record on `globalThis`; register.cts and preload.ts write it out. */
export const registerKey = Symbol.for('@endless/core:register')

/** Returns the record; `undefined` if the program was started without the preload. */
export function registerRecord(): RegisterRecord | undefined {
  return (globalThis as Record<symbol, RegisterRecord | undefined>)[registerKey]
}
