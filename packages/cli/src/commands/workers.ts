import { availableParallelism } from 'node:os'
import { mostWorkers } from '@endless/core/for-cli'

/**
 * Returns how many workers are asked for: a number, or `max` for one on each core that this process may use;
 * `undefined` if it is no whole number from 1 to 1024.
 */
export function workersOf(given: string | number): number | undefined {
  if (given === 'max') return availableParallelism()
  const workers = Number(given)
  return /^\d+$/.test(String(given)) && workers >= 1 && workers <= mostWorkers ? workers : undefined
}
