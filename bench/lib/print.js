import { colors, formatTable } from '@endless/load'

// The output of the benchmarks: titles, tables, verdicts and progress.

export const ms = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`

export const megabytes = (bytes) => `${(bytes / 1024 / 1024).toFixed(1)} MB`

export function title(text) {
  console.log(`\n${colors.bold(text)}\n`)
}

/** Prints a table. The first column names the row; the others hold numbers. */
export function table(titles, rows) {
  console.log(
    formatTable(
      titles.map((name, i) => ({ title: name, align: i ? 'right' : 'left' })),
      rows,
    ),
  )
}

/** Prints whether the target was met, and returns `met`. */
export function verdict(met, text) {
  console.log(`\n${met ? colors.green('met') : colors.red('missed')}: ${text}`)
  return met
}

/** Prints a line of progress: in place on a terminal, elsewhere as a new line. */
export function progress(text) {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[2K${text}`)
  else console.log(text)
}

/** Clears the line of progress. */
export function progressEnd() {
  if (process.stdout.isTTY) progress('')
}
