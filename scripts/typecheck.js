// Compiles all TypeScript: the packages, their tests, the tests that start processes, and the type tests.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './pnpm.js'
import { packages } from './workspace.js'

const projects = [
  ...packages,
  ...packages.map((folder) => `${folder}/test`),
  'test',
  'test/typescript',
  '.',
].filter((folder) => existsSync(join(root, folder, 'tsconfig.json')))

const { status } = spawnSync(
  process.execPath,
  ['node_modules/typescript/bin/tsc', '-b', ...projects],
  { cwd: root, stdio: 'inherit' },
)
process.exitCode = status ?? 1
