import { readFileSync } from 'node:fs'

// The text of the preload, read at load time: a deploy may delete the release that this process runs from.
const text = readFileSync(new URL('preload.js', import.meta.url), 'utf8')

/**
 * Returns the URL that `--import` names in a successor. It holds the text of the preload, since threads run
 * that again later, when its release may have been deleted. The preload obeys only the channel of the
 * process `parentPid`.
 * See docs/decisions.md, "The preload's URL names its parent"
 */
export function preloadUrl(parentPid: number): string {
  return `data:text/javascript,${encodeURIComponent(text)}#${String(parentPid)}`
}
