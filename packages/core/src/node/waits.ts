// Promises that their owner settles, and waits that end after a time.

/** A promise with the functions that settle it, for a result that arrives by a callback. */
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

/** What {@link within} needs from its surroundings: a `setTimeout`, which tests replace. */
export interface Timers {
  setTimeout(callback: () => void, delayMs: number): NodeJS.Timeout
}

/** Returned by {@link within} if the time is over first. */
export const late = Symbol('late')

/** Waits until the loop has turned so often: after two turns, what waited in the kernel has been read. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/**
 * Waits for a promise, but at most for `timeMs`. The timer is referenced: the process must not end during
 * the wait.
 *
 * @returns the value of the promise, or {@link late}
 * @throws (rejects) if the promise rejects in time
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
