// Proves which project a directory and a script belong to.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isSameDirectory, projectAt, projectOf } from '../../src/control/project.js'

let root: string

beforeEach(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), 'endless-project-')))
})

afterEach(() => {
  rmSync(root, { recursive: true })
})

/** Writes a package.json, as text or with a name. */
function put(directory: string, text: string | { name: unknown }): string {
  const file = path.join(root, directory)
  mkdirSync(file, { recursive: true })
  const manifest = typeof text === 'string' ? text : JSON.stringify(text)
  writeFileSync(path.join(file, 'package.json'), manifest)
  return file
}

test('a directory below belongs to the nearest package.json with a name', () => {
  const directory = put('', { name: 'shop' })
  const api = put('packages/api', { name: '@shop/api' })
  mkdirSync(path.join(api, 'src'))
  expect(projectAt(path.join(api, 'src'))).toEqual({ name: '@shop/api', directory: api })
  expect(projectAt(path.join(root, 'packages'))).toEqual({ name: 'shop', directory })
})

test.each([
  ['{ "type": "module" }'],
  [{ name: '' }],
  [{ name: ' ' }],
  [{ name: 7 }],
  ['no JSON'],
  ['null'],
])('a package.json without a name is passed over: %j', (text) => {
  const directory = put('', { name: 'shop' })
  expect(projectAt(put('dist', text))).toEqual({ name: 'shop', directory })
})

test('a directory in the place of a package.json is passed over', () => {
  const directory = put('', { name: 'shop' })
  mkdirSync(path.join(root, 'lib/package.json'), { recursive: true })
  expect(projectAt(path.join(root, 'lib'))).toEqual({ name: 'shop', directory })
})

test('what is installed belongs to the project around it', () => {
  const directory = put('', { name: 'shop' })
  const next = put('node_modules/next', { name: 'next' })
  expect(projectOf(path.join(next, 'dist/bin/next'))).toEqual({ name: 'shop', directory })
})

test('a script that is a link belongs to where it is; outside of a project, to where it leads', () => {
  const directory = put('opt/shop', { name: 'shop' })
  const script = path.join(directory, 'app.js')
  writeFileSync(script, '')
  mkdirSync(path.join(root, 'bin'))
  const link = path.join(root, 'bin/shop')
  symlinkSync(script, link)
  expect(projectOf(link)).toEqual({ name: 'shop', directory })
  const linked = put('bin', { name: 'bin' })
  expect(projectOf(link)).toEqual({ name: 'bin', directory: linked })
})

test('a release is the same by its own name and by that of a link', () => {
  const release = put('releases/1', { name: 'shop' })
  const current = path.join(root, 'current')
  symlinkSync('releases/1', current)
  expect(isSameDirectory(current, release)).toBe(true)
  expect(isSameDirectory(current, put('releases/2', { name: 'shop' }))).toBe(false)
})
