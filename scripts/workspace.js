// The folders of this workspace, read from pnpm-workspace.yaml, so that no script lists packages by hand.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './pnpm.js'

/** The text of pnpm-workspace.yaml. */
export const workspace = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8')

/** The folders in pnpm-workspace.yaml that hold a package.json, including the root. */
export const folders = workspaceFolders()

/** The folders that `npm run build` compiles: `['packages/cli', 'packages/core', …]`. */
export const packages = folders.filter((folder) => folder.startsWith('packages/'))

function workspaceFolders() {
  const [list] = /(?<=^packages:\n)( +- .*\n)+/m.exec(workspace)
  const patterns = list
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^ +- /, ''))
  const named = patterns.flatMap((pattern) => {
    if (!pattern.endsWith('/*')) return pattern
    const parent = pattern.slice(0, -2)
    if (!existsSync(join(root, parent))) return []
    return readdirSync(join(root, parent)).map((name) => `${parent}/${name}`)
  })
  return ['.', ...named].filter((folder) => existsSync(join(root, folder, 'package.json')))
}
