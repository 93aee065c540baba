import { readFileSync } from 'node:fs'

// Read while it is there: a deploy may delete the release that this process runs from.
const text = readFileSync(new URL('preload.js', import.meta.url), 'utf8')

/**
 * What `--import` names in a successor: the text itself, since threads of the successor run it
 * again at any time later, when the release it came from may have been deleted. The hash tells it
 * whose successor it is: it obeys no channel of anybody else.
 */
export function preloadUrl(parentPid: number): string {
  return `data:text/javascript,${encodeURIComponent(text)}#${String(parentPid)}`
}
