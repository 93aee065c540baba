import { fileURLToPath } from 'node:url'
import type { ErrorReport } from './protocol.js'

/** A frame of a stack: `    at main (file:///srv/app/app.js:3:7)`, `    at async /srv/app/app.js:3:7`. */
const frame = /^\s+at (?:async )?(?:.* \()?((?:file:\/\/)?\/.+:\d+:\d+)\)?$/
/** What Node puts in front of a stack where source text is at fault: `file:///srv/app/app.js:3`. */
const head = /^((?:file:\/\/)?\/.+:\d+)$/
/** Our own: where `listen` fails, or a hook, it is the caller who wants to be found. */
const own = /\/node_modules\/@endless\/\w+\/dist\//
/** One line is to hold it, with the error. */
const maxChars = 160

/** Tells what a generation has died of, and where: `TypeError: x is no function (/srv/app/app.js:3:7)`. */
export function reasonOf({ name, message, stack }: ErrorReport): string {
  const place = placeOf(stack)
  return `${name}: ${message}${place === undefined ? '' : ` (${place})`}`
}

/**
 * Finds where an error has come from: `/srv/app/app.js:3:7`, of a syntax error `/srv/app/app.js:3`; `undefined`
 * if its stack does not tell, as that of a syntax error in an ES module.
 */
export function placeOf(stack: unknown): string | undefined {
  // An application may make of a stack what it wants (Error.prepareStackTrace).
  const lines = typeof stack === 'string' ? stack.split('\n') : []
  const [, atHead] = head.exec(lines[0] ?? '') ?? []
  const frames = lines.flatMap((line) => frame.exec(line)?.[1] ?? [])
  const place = toPath(atHead ?? frames.find((each) => !own.test(each)))
  return place !== undefined && place.length <= maxChars ? place : undefined
}

/** Paths are what people open; an address may have a query, too, of an import that is to be fresh. */
function toPath(place: string | undefined): string | undefined {
  if (!place?.startsWith('file:')) return place
  const [, url = '', position = ''] = /^(.*?)((?::\d+)+)$/.exec(place) ?? []
  try {
    return fileURLToPath(url) + position
  } catch {
    return place // no path, such as of another host
  }
}
