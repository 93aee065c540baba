import { readFileSync } from 'node:fs'

// The text of the preload, read at load time: a deploy may delete the release that this process runs from.
const text = readFileSync(new URL('preload.js', import.meta.url), 'utf8')

/**
 * What a successor does if its parent dies before it has welcomed it: it serves as generation 0 would, asks an
 * older generation first whether that serves again, or exits, since another generation serves.
 */
export type Orphaned = 'serve' | 'ask' | 'exit'

/**
 * Returns the URL that `--import` names in a successor. It holds the text of the preload, since threads run
 * that again later, when its release may have been deleted. The preload obeys only the channel of the
 * process `parentPid`.
 *
 * @param register path of the preload `@endless/core/register`, which runs after it; for a program under `endless run`
 * See docs/decisions.md, "The preload's URL names its parent"
 */
export function preloadUrl(
  parentPid: number,
  orphaned: Orphaned = 'serve',
  register?: string,
): string {
  const registered = register === undefined ? '' : `,${encodeURIComponent(register)}`
  return `data:text/javascript,${encodeURIComponent(text)}#${String(parentPid)},${orphaned}${registered}`
}
