import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const VERSION = '7.0.4'

/** Installs PM2 beside this repository's own packages, once; returns the path of its command `pm2-runtime`. */
export function pm2Runtime() {
  const cache = fileURLToPath(new URL('../../.cache/pm2', import.meta.url))
  const directory = join(cache, VERSION)
  const command = join(directory, 'node_modules/pm2/bin/pm2-runtime')
  if (existsSync(command)) return command
  rmSync(cache, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  const manifest = { private: true, dependencies: { pm2: VERSION } }
  writeFileSync(join(directory, 'package.json'), JSON.stringify(manifest))
  const { status } = spawnSync(
    join(dirname(process.execPath), 'npm'),
    ['install', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'],
    { cwd: directory, stdio: ['ignore', 2, 2] },
  )
  if (status !== 0) throw new Error('PM2 could not be installed')
  return command
}
