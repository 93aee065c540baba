// Compiles the type tests, and a strict program that uses every package, with each supported version of
// TypeScript; and a CommonJS program with the last version whose settings for it are older than `exports`.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './pnpm.js'

const compilers = [
  'test/node_modules/typescript-5.9',
  'node_modules/typescript',
  'test/node_modules/typescript-7',
]
const projects = ['test/typescript/tsconfig.types.json', 'test/typescript']

const commonjs = 'test/typescript/commonjs'

for (const compiler of compilers) {
  const { version } = JSON.parse(readFileSync(join(root, compiler, 'package.json'), 'utf8'))
  // TypeScript 6 calls these settings deprecated, and 7 does not know them.
  for (const project of version.startsWith('5.') ? [...projects, commonjs] : projects) {
    const { status } = spawnSync(process.execPath, [join(compiler, 'bin/tsc'), '-p', project], {
      cwd: root,
      stdio: 'inherit',
    })
    console.log(`TypeScript ${version}, ${project}: ${status === 0 ? 'passed' : 'failed'}`)
    if (status !== 0) process.exitCode = 1
  }
}
