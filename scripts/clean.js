// Removes build output and caches, but no installed packages.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './pnpm.js'
import { packages } from './workspace.js'

const built = packages.map((folder) => `${folder}/dist`)
for (const folder of [...built, 'node_modules/.cache', '.cache']) {
  rmSync(join(root, folder), { recursive: true, force: true })
}
