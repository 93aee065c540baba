import { fileURLToPath } from 'node:url'

// Errors as they are reported to another process, and the place in the application where they began.

/** A stack frame: `    at main (file:///srv/app/app.js:3:7)`, `    at async /srv/app/app.js:3:7`. */
const frame = /^\s+at (?:async )?(?:.* \()?((?:file:\/\/)?\/.+:\d+:\d+)\)?$/
/** The line that Node puts above a stack when the source text is at fault: `file:///srv/app/app.js:3`. */
const head = /^((?:file:\/\/)?\/.+:\d+)$/
/** Our own frames. They are skipped: if `listen` or a hook fails, people look for its caller. */
const own = /\/node_modules\/@endless\/\w+\/dist\//
/** The longest place that is shown, so that it fits on one line with its error. */
const maxChars = 160

/** Returns what a generation died of, and where: `TypeError: x is not a function (/srv/app/app.js:3:7)`. */
export function reasonOf({ name, message, stack }: ErrorReport): string {
  const place = placeOf(stack)
  return `${name}: ${message}${place === undefined ? '' : ` (${place})`}`
}

/**
 * Returns where an error was thrown: `/srv/app/app.js:3:7`, or for a syntax error `/srv/app/app.js:3`.
 * Returns `undefined` if the stack does not show it.
 */
export function placeOf(stack: unknown): string | undefined {
  // An application can turn a stack into anything (Error.prepareStackTrace).
  const lines = typeof stack === 'string' ? stack.split('\n') : []
  const [, atHead] = head.exec(lines[0] ?? '') ?? []
  const frames = lines.flatMap((line) => frame.exec(line)?.[1] ?? [])
  const place = toPath(atHead ?? frames.find((each) => !own.test(each)))
  return place !== undefined && place.length <= maxChars ? place : undefined
}

/**
 * Turns a `file:` URL into the path that people open. The URL may have a query, with which a program
 * imports a file anew; the path has none.
 */
function toPath(place: string | undefined): string | undefined {
  if (!place?.startsWith('file:')) return place
  const [, url = '', position = ''] = /^(.*?)((?::\d+)+)$/.exec(place) ?? []
  try {
    return fileURLToPath(url) + position
  } catch {
    return place // a URL without a local path, such as one that names a host
  }
}

/** The longest part of a report. What a program throws may be anything, and of any length. */
export const longestReport = 16_384

/** Returns what was thrown as plain JSON, in which each part is text of a bounded length. */
export function reportOf(thrown: unknown): ErrorReport {
  const { name, message, stack, code } = (
    thrown instanceof Error ? thrown : { name: 'Error', message: thrown }
  ) as Partial<Record<'name' | 'message' | 'stack' | 'code', unknown>>
  const cut = (part: unknown): string => {
    try {
      return String(part).slice(0, longestReport)
    } catch {
      return '(no text)' // it has no toString, or one that throws
    }
  }
  return {
    name: cut(name),
    message: cut(message),
    ...(typeof stack === 'string' && { stack: cut(stack) }),
    ...(typeof code === 'string' && { code: code.slice(0, 256) }),
  }
}

/** An error as plain JSON: `{ name: 'TypeError', message: 'x is not a function', stack: '…' }`. */
export interface ErrorReport {
  name: string
  message: string
  stack?: string | undefined
  code?: string | undefined
  /** Whether the program has caught it, by a listener to 'uncaughtException', and may have lived on. */
  isHandled?: boolean | undefined
}

/** Why a generation did not do what it was asked. If its successor failed, also how that process ended. */
export interface RefusalReport extends ErrorReport {
  pid?: number | undefined
  exitCode?: number | null | undefined
  signal?: NodeJS.Signals | null | undefined
  stderr?: string[] | undefined
}
