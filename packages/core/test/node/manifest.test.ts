// Proves which package.json belongs to a program, and that one of a neighbour does not.
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findOptions, programPlaces } from '../../src/node/manifest.js'

let root: string

beforeEach(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), 'endless-manifest-')))
})

afterEach(() => {
  rmSync(root, { recursive: true })
})

const options = { endless: { hammerTimeMs: 1 } }

function put(name: string, content: unknown): string {
  const file = path.join(root, name)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

const find = (script: string, uid = process.getuid?.()): string | undefined =>
  findOptions(programPlaces(path.join(root, script)), uid)?.file

test('the nearest with a name or the key counts', () => {
  const file = put('package.json', { name: 'shop', ...options })
  put('dist/package.json', { type: 'module' })
  put('dist/app.js', '')
  expect(find('dist/app.js')).toBe(file)
  const own = put('packages/api/package.json', options)
  put('packages/api/app.js', '')
  expect(find('packages/api/app.js')).toBe(own)
  put('packages/jobs/package.json', { name: 'jobs' })
  put('packages/jobs/app.js', '')
  expect(find('packages/jobs/app.js')).toBeUndefined()
})

test('one of an installed package does not', () => {
  const file = put('package.json', options)
  put('node_modules/next/package.json', { name: 'next', endless: {} })
  put('node_modules/next/dist/bin/next', '')
  expect(find('node_modules/next/dist/bin/next')).toBe(file)
})

test('a program that is a directory has its own', () => {
  const file = put('app/package.json', options)
  put('app/index.js', '')
  expect(find('app')).toBe(file)
  expect(find('app/index')).toBe(file)
})

test.each(['no JSON', 'null', '[]', '7'])('%s is no package.json', (text) => {
  put('package.json', text)
  expect(find('app.js')).toBeUndefined()
})

test('a link is followed once, when the program starts', () => {
  const first = put('releases/1/package.json', options)
  put('releases/1/app.js', '')
  put('releases/2/package.json', options)
  put('releases/2/app.js', '')
  const current = path.join(root, 'current')
  symlinkSync('releases/1', current)
  const places = programPlaces(path.join(current, 'app.js'))
  rmSync(current)
  symlinkSync('releases/2', current)
  expect(findOptions(places, process.getuid?.())?.file).toBe(first)
})

test('a script that is a link belongs to where it is; outside of a project, to where it leads', () => {
  const file = put('opt/shop/package.json', options)
  put('opt/shop/app.js', '')
  mkdirSync(path.join(root, 'bin'))
  symlinkSync('../opt/shop/app.js', path.join(root, 'bin/shop'))
  expect(find('bin/shop')).toBe(file)
})

test('one of a neighbour, in a directory above, does not', () => {
  const file = put('package.json', options)
  // Root is trusted, and so must not be the neighbour.
  const neighbour = 54_321
  if (process.getuid?.() === 0) chownSync(file, neighbour, neighbour)
  const user = (process.getuid?.() ?? 0) + 1
  expect(find('missing/app.js', user)).toBeUndefined()
  // The owner of the program's file may say how it runs.
  const script = put('app.js', '')
  if (process.getuid?.() === 0) chownSync(script, neighbour, neighbour)
  expect(find('app.js', user)).toBe(file)
})
