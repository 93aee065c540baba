/** A promise together with what settles it, for a result that arrives by a callback. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T | PromiseLike<T>) => void
  readonly reject: (reason: unknown) => void
}

/** Creates a promise that its owner settles. */
export function deferred<T = void>(): Deferred<T> {
  let resolve!: Deferred<T>['resolve']
  let reject!: Deferred<T>['reject']
  const promise = new Promise<T>((settle, fail) => {
    resolve = settle
    reject = fail
  })
  return { promise, resolve, reject }
}

/** Starts timers: the world's `setTimeout`, or that of a test. */
export interface Timers {
  setTimeout(callback: () => void, delayMs: number): NodeJS.Timeout
}

/** What {@link within} returns when the time is over first. */
export const late = Symbol('late')

/**
 * Waits for a promise, but at most for `timeMs`. The timer is referenced: a process does not end while
 * somebody waits.
 *
 * @returns what the promise resolves with, or {@link late}
 * @throws (rejects) as the promise does, in time
 */
export async function within<T>(
  promise: Promise<T>,
  timeMs: number,
  timers: Timers = globalThis,
): Promise<T | typeof late> {
  const end = deferred<typeof late>()
  const timer = timers.setTimeout(() => {
    end.resolve(late)
  }, timeMs)
  try {
    return await Promise.race([promise, end.promise])
  } finally {
    clearTimeout(timer)
  }
}
