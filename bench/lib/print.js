import { colors, formatTable } from '@endless/load'

export const ms = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`

export function title(text) {
  console.log(`\n${colors.bold(text)}\n`)
}

/** The first column names the row; the others hold figures. */
export function table(titles, rows) {
  console.log(
    formatTable(
      titles.map((name, i) => ({ title: name, align: i ? 'right' : 'left' })),
      rows,
    ),
  )
}

/** Says whether the figure was met, and passes it on. */
export function verdict(met, text) {
  console.log(`\n${met ? colors.green('met') : colors.red('missed')}: ${text}`)
  return met
}

/** One line that is written over on a terminal; elsewhere a line each time. */
export function progress(text) {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[2K${text}`)
  else console.log(text)
}

/** Clears that line. */
export function progressEnd() {
  if (process.stdout.isTTY) progress('')
}
