// Runs the pnpm version that `packageManager` in package.json names; needs only npm.
//   node scripts/pnpm.js add --filter @endless/core ws
import { spawnSync } from 'node:child_process'
import { readFileSync, realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

const { packageManager } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))

/**
 * Runs pnpm and waits until it exits.
 *
 * @param {string[]} args
 * @param {import('node:child_process').SpawnSyncOptions} [options]
 */
export function pnpm(args, options) {
  // Without `--yes`, npx asks before it downloads. On Windows npx is a script, which needs a shell.
  return spawnSync('npx', ['--yes', packageManager, ...args], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
    ...options,
  })
}

if (realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = pnpm(process.argv.slice(2), { cwd: process.cwd() }).status ?? 1
}
