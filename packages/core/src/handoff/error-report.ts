import { fileURLToPath } from 'node:url'

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

/** An error in plain JSON: `{ name: 'TypeError', message: 'x is not a function', stack: '…' }`. */
export interface ErrorReport {
  name: string
  message: string
  stack?: string | undefined
  code?: string | undefined
}

/** Why a generation does not do what it was asked; of a successor that has failed, how that has ended. */
export interface RefusalReport extends ErrorReport {
  pid?: number | undefined
  exitCode?: number | null | undefined
  signal?: NodeJS.Signals | null | undefined
  stderr?: string[] | undefined
}
