// Words that are no command of endless: what other tools call one, or a script.

const otherNames = new Map([
  ['start', 'run'],
  ['reload', 'restart'],
  ['list', 'status --all'],
  ['ls', 'status --all'],
  ['ps', 'status --all'],
  ['delete', 'stop'],
  ['kill', 'stop'],
])

const scripts = /\.(?:[cm]?[jt]s|[jt]sx)$/

/** Returns what to write instead of a word that is no command: `use endless run`. */
export function adviceFor(word: string, rest: readonly string[]): string | undefined {
  const command = scripts.test(word) ? `run ${word}` : otherNames.get(word)
  if (command === undefined) return undefined
  const words = command.startsWith('status') ? [] : rest
  return `use ${['endless', command, ...words].join(' ')}`
}
