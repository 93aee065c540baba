import type { System } from '../node/system.js'

/** How long the kernel may take, after it has closed the files of a dead process, to give its children away. */
const givenAwayMs = 3_000
const lookMs = 5

/**
 * Whether the parent of this process lives, although the line to it has ended.
 * See docs/decisions.md, "A line may end before its processes do"
 */
export async function parentLives(
  system: Pick<System, 'now' | 'setTimeout' | 'isParent'>,
  parent: number,
): Promise<boolean> {
  const endMs = system.now() + givenAwayMs
  while (system.isParent(parent)) {
    if (system.now() >= endMs) return true
    // Referenced: this process may have to serve.
    await new Promise<void>((resolve) => void system.setTimeout(resolve, lookMs))
  }
  return false
}
