// Prints the path of a Node binary of another version, which it installs once from the npm package `node`.
//   node scripts/node-binary.js 24
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './pnpm.js'

/**
 * Returns the path of the binary of a Node version such as `24` or `20.19.0`; installs it if it is missing.
 *
 * @param {string} version
 * @throws Error if the installation fails
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
  // A separate package.json keeps npm from installing into the checkout. `allowScripts`, because an install
  // script fetches the binary, and npm runs only scripts that are allowed by name.
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
