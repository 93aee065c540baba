/** A generation, as far as logs and errors name it; its pid is `undefined` until it has started. */
export interface NamedGeneration {
  number: number
  pid: number | undefined
}

/** Names a generation in logs and errors: `generation 1 (pid 4711)`. */
export function generationName({ number, pid }: NamedGeneration): string {
  return `generation ${String(number)}${pid === undefined ? '' : ` (pid ${String(pid)})`}`
}

/** Returns a text as it begins a sentence: `Generation 1 (pid 4711)`. */
export function atStart(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
