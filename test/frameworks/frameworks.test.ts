// Proves that the unmodified programs of docs/frameworks.md lose no request in five restarts under load.
import { beforeAll, test } from 'vitest'
import { installFrameworks } from './install.js'
import { restartUnderLoad } from './restart-under-load.js'
import { rows } from './rows.js'

let directory: string

beforeAll(() => {
  directory = installFrameworks()
}, 600_000)

// Six generations of a program that loads an agent boot for a while.
test.each(rows.map((row) => [row.name, row] as const))(
  '%s',
  { timeout: 180_000 },
  async (_, row) => {
    await restartUnderLoad(directory, row, 5)
  },
)
