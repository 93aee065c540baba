import Table from 'cli-table3'
import colors from 'picocolors'

// Tables for the terminal.

export interface Column {
  title: string
  align?: 'left' | 'right'
}

/** Aligns rows below bold column titles, without ruled lines; numbers get separators for thousands. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const table = new Table({
    head: columns.map(({ title }) => colors.bold(title)),
    colAligns: columns.map(({ align = 'left' }) => align),
    style: { head: [], border: [], 'padding-left': 1, 'padding-right': 2 },
    chars: {
      ...blank('top', 'top-mid', 'top-left', 'top-right'),
      ...blank('bottom', 'bottom-mid', 'bottom-left', 'bottom-right'),
      ...blank('left', 'left-mid', 'right', 'right-mid', 'middle'),
      mid: '',
      'mid-mid': '',
    },
  })
  table.push(...rows.map((row) => row.map(formatCell)))
  return table.toString()
}

function formatCell(cell: string | number): string {
  return typeof cell === 'number' ? cell.toLocaleString('en-US') : cell
}

function blank(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, '']))
}
