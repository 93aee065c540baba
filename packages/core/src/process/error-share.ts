import type { AnswerCount } from '../connections/answer-counter.js'

// Whether a version answers with more errors than the one before.

/**
 * How surprising a count must be before it is not chance, as a logarithm: of a million restarts, about one would
 * be rolled back wrongly.
 */
const chance = 14

/**
 * Returns whether the share of errors is above a bound, and above that of the version before, by more than chance
 * explains. Without an answer of that version nothing is known of it, and nothing is worse.
 * See docs/decisions.md, "Chance rolls nothing back"
 *
 * @param bound 0 to 1
 */
export function isWorse(now: AnswerCount, before: AnswerCount, bound: number): boolean {
  const together = {
    answers: now.answers + before.answers,
    errors: now.errors + before.errors,
  }
  return (
    share(now) > Math.max(bound, share(before)) &&
    surprise(now, bound) > chance &&
    surprise(now, share(together)) + surprise(before, share(together)) > chance
  )
}

function share({ answers, errors }: AnswerCount): number {
  return answers === 0 ? 0 : errors / answers
}

/** Returns how surprising a count is if errors have an expected share: the logarithm of a likelihood ratio. */
function surprise({ answers, errors }: AnswerCount, expected: number): number {
  const part = (count: number, expectedPart: number): number =>
    count === 0 ? 0 : count * Math.log(count / answers / expectedPart)
  return part(errors, expected) + part(answers - errors, 1 - expected)
}
