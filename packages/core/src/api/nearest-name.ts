// Finds the name that somebody meant who mistyped it.

/** Longer than any name of ours, and short enough to compare. */
const longest = 60

/** Returns the name that is meant, whatever its case and without its unit; `undefined` if none is close. */
export function nearestName(written: string, names: readonly string[]): string | undefined {
  const word = plain(written)
  const [[nearest, distance] = ['', Infinity]] = names
    .map((name) => [name, distanceOf(word, plain(name))] as const)
    .sort(([, one], [, other]) => one - other)
  return distance <= Math.max(2, word.length / 4) ? nearest : undefined
}

/** `hammer-time` and `hammerTimeMs` are the same word. */
function plain(name: string): string {
  return name
    .slice(0, longest)
    .replace(/Ms$/, '')
    .replace(/[^a-z]/gi, '')
    .toLowerCase()
}

/** Returns how many letters have to be added, left out or replaced (Levenshtein). */
function distanceOf(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (const [above, letter] of Array.from(one).entries()) {
    const next = [above + 1]
    for (const [at, wanted] of Array.from(other).entries()) {
      const replaced = (row[at] ?? 0) + (letter === wanted ? 0 : 1)
      next.push(Math.min(replaced, (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
