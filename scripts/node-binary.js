// Fetches a Node binary of another version, once, from the npm package `node`, and prints its path.
//   node scripts/node-binary.js 24
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './pnpm.js'

/**
 * Finds the binary of a Node version such as `24` or `20.19.0`, and installs it first if need be.
 *
 * @param {string} version
 * @throws if it cannot be installed
 */
export function nodeBinary(version) {
  const folder = join(root, 'node_modules/.cache/nodes', version)
  const binary = join(
    folder,
    'node_modules/node/bin',
    process.platform === 'win32' ? 'node.exe' : 'node',
  )
  if (existsSync(binary)) return binary

  console.error(`Installing Node ${version} ...`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  // A package.json of its own, or npm would install into the checkout; and npm runs no install script that is not
  // allowed by name, while the binary comes by one.
  const manifest = { private: true, dependencies: { node: version }, allowScripts: { node: true } }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  const { status } = spawnSync('npm', ['install', '--no-package-lock', '--loglevel=error'], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  const works = status === 0 && spawnSync(binary, ['--version']).status === 0
  if (works) return binary
  rmSync(folder, { recursive: true, force: true })
  throw new Error(`Node ${version} could not be installed from the npm package "node".`)
}

if (realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  console.log(nodeBinary(process.argv[2]))
