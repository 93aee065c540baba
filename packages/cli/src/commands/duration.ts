import { InvalidArgumentError } from 'commander'

const unitsMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
/** The longest delay of a timer. */
const longestMs = 2_147_483_647

/**
 * Returns a duration in ms: `500ms`, `60s`, `1.5m`, `12h`.
 *
 * @throws InvalidArgumentError, which commander turns into a message
 */
export function parseDuration(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? []
  const durationMs = Math.round(Number(number) * (unitsMs[unit] ?? NaN))
  if (durationMs <= longestMs) return durationMs
  throw new InvalidArgumentError('Say a duration such as 500ms, 60s, 5m or 1h.')
}
