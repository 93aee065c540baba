// Text of others on its way out: to a log, a terminal or a service manager.

/** The longest line: what a program died of may be a whole document, and the reason stands first. */
const longestLine = 2_000

/**
 * What a terminal would obey, or what would begin a new line or reorder one: control characters (C0, C1 and
 * DEL), line and paragraph separators, marks and overrides of the writing direction, and halves of surrogate
 * pairs.
 */
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

const shortForms: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/**
 * Returns a text as one line that is safe to print: `bad \x1b[2J\n[endless 1] all is well`, with the escapes as
 * text. Errors quote what clients send, so every text that leaves endless passes here, once.
 * See docs/decisions.md, "Text is cleaned on its way out"
 */
export function oneLine(text: string, longest = longestLine): string {
  // Cut first: a text may be longer than all that follows can be worth.
  const head = withoutHalf(text.slice(0, longest))
  const line = head.replace(unprintable, (character) => shortForms[character] ?? escaped(character))
  if (line.length <= longest && head.length === text.length) return line
  return `${withoutHalf(line.slice(0, longest - 1))}…`
}

/** Returns a value as JSON that is safe to print: JSON itself escapes only some of those characters. */
export function printableJson(value: unknown, indent?: number): string {
  // The line breaks of the layout stand between values, and JSON escapes those in them.
  return JSON.stringify(value, null, indent).replace(unprintable, (character) =>
    character === '\n' ? character : `\\u${hex(character, 4)}`,
  )
}

function escaped(character: string): string {
  return character < '\u0100' ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`
}

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, '0')
}

/** Drops half a surrogate pair at the end, which a cut may have left. */
function withoutHalf(text: string): string {
  return text.replace(/[\ud800-\udbff]$/, '')
}
