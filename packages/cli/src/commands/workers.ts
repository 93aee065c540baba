import { availableParallelism } from 'node:os'
import { Failure } from '../control/failure.js'

/**
 * Returns how many workers `--workers` asks for: a number, or `max` for one on each core that this process may use.
 *
 * @throws {Failure} if it is no positive whole number
 */
export function workersOf(given = '1'): number {
  if (given === 'max') return availableParallelism()
  if (!/^[1-9]\d{0,3}$/.test(given)) {
    throw new Failure('misused', `--workers ${given}: use a number from 1 to 9999, or max`)
  }
  return Number(given)
}
