import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { builds, packages } from './rows.js'

const programs = fileURLToPath(new URL('programs', import.meta.url))
const binaryOf = fileURLToPath(new URL('../../scripts/node-binary.js', import.meta.url))
/** Not below `node_modules`, where Node and other loaders read no TypeScript. */
const cache = fileURLToPath(new URL('../../.cache/frameworks', import.meta.url))

/** Else the settings of this repository would hold. */
const tsconfig = JSON.stringify({ compilerOptions: { module: 'commonjs', target: 'es2022' } })

/** Installs all packages and builds what has to be built, once, and puts the programs beside them; returns the directory. */
export function installFrameworks(): string {
  const manifest = JSON.stringify({ private: true, dependencies: packages })
  const hash = createHash('sha256').update(manifest)
  for (const app of Object.keys(builds)) hash.update(contentOf(path.join(programs, app)))
  const directory = path.join(cache, hash.digest('hex').slice(0, 12))
  const isInstalled = path.join(directory, 'installed')
  if (!existsSync(isInstalled)) {
    rmSync(cache, { recursive: true, force: true })
    mkdirSync(directory, { recursive: true })
    writeFileSync(path.join(directory, 'package.json'), manifest)
    writeFileSync(path.join(directory, 'tsconfig.json'), tsconfig)
    npm(['install', '--no-package-lock'], directory)
    // What `npx express-generator` writes, as it is.
    const generated = path.join(directory, 'generated')
    const generator = path.join(directory, 'node_modules/express-generator/bin/express-cli.js')
    run(process.execPath, [generator, '--no-view', generated], directory)
    npm(['install', '--no-package-lock'], generated)
    for (const [app, [command = '', ...args]] of Object.entries(builds)) {
      cpSync(path.join(programs, app), path.join(directory, app), { recursive: true })
      run(process.execPath, [path.join(directory, 'node_modules', command), ...args], directory)
    }
    writeFileSync(isInstalled, '')
  }
  cpSync(programs, directory, { recursive: true })
  return directory
}

/** Returns the path of a Node binary of another major version. */
export function nodeBinary(version: string): string {
  return execFileSync(process.execPath, [binaryOf, version], { encoding: 'utf8' }).trim()
}

/** Returns the names and texts of all files of a directory. */
function contentOf(directory: string): string {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.join(parentPath, name))
    .sort()
    .map((file) => path.relative(directory, file) + readFileSync(file, 'utf8'))
    .join()
}

function npm(args: string[], cwd: string): void {
  run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], cwd)
}

function run(command: string, args: string[], cwd: string): void {
  const { status } = spawnSync(command, args, {
    cwd,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' },
  })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`)
}
