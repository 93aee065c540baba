import type { WeightedPath } from './plan.js'

const maxPaths = 1_000

/**
 * Reads the paths of GET requests from an access log in the common or the combined format, as nginx, Apache and
 * morgan write it; each weighs as much as it occurs. Returns the 1,000 most frequent.
 */
export function pathsInLog(text: string): WeightedPath[] {
  const counts = new Map<string, number>()
  for (const [, path = ''] of text.matchAll(/"GET (\/[!-~]*) HTTP\/[\d.]+"/g)) {
    counts.set(path, (counts.get(path) ?? 0) + 1)
  }
  return [...counts]
    .sort(([, one], [, other]) => other - one)
    .slice(0, maxPaths)
    .map(([path, weight]) => ({ path, weight, isFromLog: true }))
}
