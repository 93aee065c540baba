// Proves that the preload is read from a file that only this user can have written, or is done without.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'

// As built: the text is not among the sources.
const dist = new URL('../../dist/', import.meta.url)
const { preloadFile } = await load(dist)
const built = new URL('launch/preload.cjs', dist)
const text = readFileSync(built, 'utf8')
const user = String(process.getuid?.())
let temporary: string

beforeEach(() => {
  temporary = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'endless-test-')))
  vi.stubEnv('TMPDIR', temporary)
  onTestFinished(() => {
    vi.unstubAllEnvs()
    rmSync(temporary, { recursive: true, force: true })
  })
})

async function load(from: URL): Promise<{ preloadFile: () => string | undefined }> {
  return (await import(new URL('launch/preload-file.js', from).href)) as never
}

test('it is written once, where nobody else may write', () => {
  const file = preloadFile()!
  expect(path.dirname(file)).toBe(path.join(temporary, `endless-${user}`))
  expect(readFileSync(file, 'utf8')).toBe(text)
  expect(statSync(path.dirname(file)).mode & 0o022).toBe(0)
  expect(statSync(file).mode & 0o222).toBe(0)
  const { ino } = statSync(file)
  expect(preloadFile()).toBe(file)
  expect(statSync(file).ino).toBe(ino)
  expect(readdirSync(path.dirname(file))).toHaveLength(1)
})

test('one that has another text is replaced', () => {
  const file = preloadFile()!
  chmodSync(file, 0o600)
  writeFileSync(file, 'throw 1')
  expect(readFileSync(preloadFile()!, 'utf8')).toBe(text)
})

test('one that is gone is written again', () => {
  rmSync(path.dirname(preloadFile()!), { recursive: true })
  expect(readFileSync(preloadFile()!, 'utf8')).toBe(text)
})

test.each<[string, (folder: string) => void]>([
  [
    'is a link',
    (folder) => {
      mkdirSync(`${folder}-elsewhere`, { mode: 0o700 })
      symlinkSync(`${folder}-elsewhere`, folder)
    },
  ],
  [
    'others may write to',
    (folder) => {
      mkdirSync(folder)
      chmodSync(folder, 0o777)
    },
  ],
  [
    'others may replace',
    () => {
      chmodSync(temporary, 0o777)
    },
  ],
  ['is a file', (folder) => writeFileSync(folder, '')],
  ['cannot be made', () => vi.stubEnv('TMPDIR', `${temporary}/missing`)],
])('a directory that %s is not used, but the file of the build', (_, prepare) => {
  prepare(path.join(temporary, `endless-${user}`))
  expect(preloadFile()).toBe(realpathSync(built))
})

test('in a bundle, a file of its name is not taken for it', async () => {
  const bundle = path.join(temporary, 'bundle')
  for (const folder of ['launch', 'listeners', 'node', 'api']) {
    mkdirSync(path.join(bundle, folder), { recursive: true })
    for (const name of readdirSync(new URL(folder, dist)).filter((each) => each.endsWith('.js'))) {
      copyFileSync(new URL(`${folder}/${name}`, dist), path.join(bundle, folder, name))
    }
  }
  writeFileSync(path.join(bundle, 'package.json'), '{ "type": "module" }')
  const bundled = await load(pathToFileURL(`${bundle}/`))
  vi.stubEnv('TMPDIR', `${temporary}/missing`)
  expect(bundled.preloadFile()).toBeUndefined()
  writeFileSync(path.join(bundle, 'launch/preload.cjs'), 'throw 1')
  expect(bundled.preloadFile()).toBeUndefined()
})
