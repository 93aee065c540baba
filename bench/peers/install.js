import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

/**
 * Installs the peers beside this repository's own packages, once for each change of their versions, and copies their
 * programs there; returns the folder.
 */
export function installPeers() {
  const folder = here('../../node_modules/.cache/peers')
  const [wanted, had] = [here('packages.json'), join(folder, 'package.json')]
  const isThere = existsSync(had) && readFileSync(had, 'utf8') === readFileSync(wanted, 'utf8')
  if (!isThere) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    cpSync(wanted, had)
    const { status } = spawnSync(
      join(dirname(process.execPath), 'npm'),
      ['install', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'],
      { cwd: folder, stdio: ['ignore', 2, 2] },
    )
    if (status !== 0) {
      rmSync(had)
      throw new Error('The peers could not be installed')
    }
    mkdirSync(join(folder, 'node_modules/@endless'), { recursive: true })
    symlinkSync(here('../../packages/core'), join(folder, 'node_modules/@endless/core'))
  }
  cpSync(here('apps'), join(folder, 'apps'), { recursive: true })
  return folder
}

/** The version of an installed package, or what a command of Debian says of itself. */
export function versionOf({ package: name, debian }, folder) {
  if (name)
    return JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'))).version
  if (!debian) return undefined
  const [command, ...words] = debian
  const { stdout, stderr } = spawnSync(command, words, { encoding: 'utf8' })
  return /\d+(\.\d+)+/.exec(`${stdout}${stderr}`)?.[0]
}
