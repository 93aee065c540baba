/** Names a generation in logs and errors: `generation 1 (pid 4711)`. */
export function generationName({ number, pid }: { number: number; pid: number }): string {
  return `generation ${String(number)} (pid ${String(pid)})`
}
