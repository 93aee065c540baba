// What the preload `@endless/core/register` leaves for core.

/** What core has to know of a process that the preload `register` runs in. */
export interface RegisterRecord {
  /** Fixed addresses on which each thread listens, by the id of the thread. */
  readonly listensOfThreads: Map<number, Set<string>>
  /** Takes the preload out of what children of this process inherit. */
  hideFromChildren(): void
}

/** Key of the record on `globalThis`; register.cts writes it out. */
export const registerKey = Symbol.for('@endless/core:register')

/** Returns the record; `undefined` if the program was started without the preload. */
export function registerRecord(): RegisterRecord | undefined {
  return (globalThis as Record<symbol, RegisterRecord | undefined>)[registerKey]
}
