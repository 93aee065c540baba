import { availableParallelism } from 'node:os'
import { mostWorkers } from '@endless/core/for-cli'
import { Failure } from '../control/failure.js'

/**
 * Returns how many workers are asked for: a number, or `max` for one on each core that this process may use.
 *
 * @param what names the text in the error: `--workers`
 * @throws {Failure} if it is no whole number from 1 to 1024
 */
export function workersOf(given: string, what: string): number {
  if (given === 'max') return availableParallelism()
  const workers = Number(given)
  if (/^\d+$/.test(given) && workers >= 1 && workers <= mostWorkers) return workers
  throw new Failure(
    'misused',
    `${what} ${given}: use a number from 1 to ${String(mostWorkers)}, or max`,
  )
}
