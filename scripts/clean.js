// Removes what was built and cached; the installed packages stay.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './pnpm.js'

const packages = existsSync(join(root, 'packages')) ? readdirSync(join(root, 'packages')) : []
const built = [
  ...packages.map((name) => `packages/${name}/dist`),
  'load/dist',
  'node_modules/.cache',
]
for (const folder of built) rmSync(join(root, folder), { recursive: true, force: true })
