import { setTimeout as sleep } from 'node:timers/promises'

// Waits that end at a deadline, with an error that names the step.

/** The name and the limit of a wait, so that the error at the deadline shows which step took how long. */
export interface WaitOptions {
  step: string
  deadlineMs: number
  /** Returns details for the error at the deadline, such as a program's output. */
  explain?: () => string
}

/**
 * Polls until `check` returns a truthy value, and resolves with this value. A check that throws counts as
 * falsy; its error becomes the `cause`.
 *
 * @throws Error with the step, the deadline and the explanation
 */
export async function until<T>(
  check: () => T | Promise<T>,
  options: WaitOptions & { everyMs?: number },
): Promise<Exclude<Awaited<T>, false | 0 | '' | null | undefined>> {
  const { everyMs = 20 } = options
  const endsAt = performance.now() + options.deadlineMs
  let cause: unknown
  for (;;) {
    const leftMs = endsAt - performance.now()
    try {
      // The check itself may hang, so the deadline bounds it too.
      const result = await withDeadline(Promise.resolve(check()), {
        ...options,
        deadlineMs: Math.max(1, leftMs),
      })
      if (result) return result as Exclude<Awaited<T>, false | 0 | '' | null | undefined>
    } catch (error) {
      cause = error
    }
    if (performance.now() + everyMs >= endsAt) throw missed(options, cause)
    await sleep(everyMs)
  }
}

/**
 * Settles like the promise, if the promise settles before the deadline.
 *
 * @throws Error with the step, the deadline and the explanation
 */
export async function withDeadline<T>(promise: Promise<T>, options: WaitOptions): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(missed(options)), options.deadlineMs)
  })
  try {
    return await Promise.race([promise, deadline])
  } finally {
    clearTimeout(timer)
  }
}

/** Returns a promise together with the function that resolves it. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((settle) => (resolve = settle))
  return { promise, resolve }
}

function missed({ step, deadlineMs, explain }: WaitOptions, cause?: unknown): Error {
  const explanation = explain?.()
  return new Error(
    `${step}: not within ${deadlineMs} ms${explanation ? `\n${explanation}` : ''}`,
    cause === undefined ? undefined : { cause },
  )
}
