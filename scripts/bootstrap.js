// Prepares a checkout: installs the dependencies in the lockfile, and builds. Prints each step; prints
// nothing if there is nothing to do.
//   node scripts/bootstrap.js [--no-build]
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { pnpm, root } from './pnpm.js'
import { writePreload } from './preload-text.js'
import { folders, packages, workspace } from './workspace.js'

const stamp = join(root, 'node_modules/.cache/bootstrap')

install()
if (!process.argv.includes('--no-build')) await build()

function install() {
  const wanted = fingerprint()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  console.log('Installing dependencies ...')
  const { status } = pnpm(['install', '--frozen-lockfile', '--reporter=append-only'])
  if (status !== 0) {
    fail('The installation failed. If you changed a package.json: npm run pnpm -- install')
  }
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, wanted)
}

async function build() {
  removeStaleOutput()
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '-b', ...packages, '--verbose', '--pretty', 'false'],
    { cwd: root, encoding: 'utf8' },
  )
  for (const line of (stdout + stderr).split('\n')) {
    const [, project] = /Building project '(.*)'\.\.\.$/.exec(line) ?? []
    if (project) console.log(`Building ${dirname(relative(root, project))} ...`)
    else if (isError(line)) console.error(line)
  }
  if (status !== 0) fail('The build failed.')
  await writePreload()
}

/** Whether a line is an error: the progress of `--verbose` begins with a time or belongs to a list. */
function isError(line) {
  return line.trim() !== '' && !/^[\d:]+\s[AP]M - |^ +\* /.test(line)
}

/** Removes output whose source was deleted: imports would still find it, and it would be packed. */
function removeStaleOutput() {
  for (const folder of folders) {
    const dist = join(root, folder, 'dist')
    if (!existsSync(dist)) continue
    for (const file of readdirSync(dist, { recursive: true })) {
      const [, source, kind] = /^(.*?)\.(?:d\.)?(c?)(?:ts|js)(?:\.map)?$/.exec(file) ?? []
      if (!source) continue
      const isThere = (end) => existsSync(join(root, folder, 'src', `${source}${end}`))
      if (!isThere(`.${kind}ts`) && !isThere('.d.ts')) rmSync(join(dist, file))
    }
  }
}

/** Returns a hash of everything that an installation depends on. */
function fingerprint() {
  const hash = createHash('sha256').update(workspace)
  for (const file of ['pnpm-lock.yaml', ...folders.map((folder) => join(folder, 'package.json'))]) {
    hash.update(file).update(readFileSync(join(root, file)))
  }
  return hash.digest('hex')
}

/** @returns {never} */
function fail(message) {
  console.error(message)
  process.exit(1)
}
