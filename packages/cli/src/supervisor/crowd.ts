import { availableParallelism } from 'node:os'

/** How many workers on each core may still make sense: most of them wait for something else. */
const mostPerCore = 8

/** Returns a warning if there are more workers than cores by far. */
export function crowdNotice(workers: number, cores = availableParallelism()): string | undefined {
  if (workers <= mostPerCore * cores) return undefined
  return (
    `${String(workers)} workers, and cores for ${String(cores)}: each is a process of its own, with its own memory, and more than ` +
    'one on each core only helps while they wait for others. --workers max starts as many as there are cores'
  )
}
