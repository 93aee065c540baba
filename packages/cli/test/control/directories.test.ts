// Proves which directories are trusted with the sockets of named services.
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  directoriesToKeep,
  directoriesToSearch,
  makeDirectory,
} from '../../src/control/directories.js'

const uid = process.geteuid?.() ?? 0
const ofTemporary = `/tmp/endless-services-${uid}`
let root: string
let own: string

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'endless-directories-'))
  own = path.join(root, 'endless')
})

afterEach(() => {
  rmSync(root, { recursive: true })
})

describe('$XDG_RUNTIME_DIR', () => {
  test('is used first, if it is the user’s alone', () => {
    expect(directoriesToKeep({ uid, runtimeDirectory: root })).toEqual([own, ofTemporary])
  })

  test('may be read by others, but not written to', () => {
    chmodSync(root, 0o755)
    expect(directoriesToKeep({ uid, runtimeDirectory: root })).toEqual([own, ofTemporary])
    chmodSync(root, 0o775)
    expect(directoriesToKeep({ uid, runtimeDirectory: root })).toEqual([ofTemporary])
  })

  test.each([['nowhere'], ['/nowhere'], [''], [undefined], ['/dev/null']])(
    'is ignored where it cannot be one: %s',
    (runtimeDirectory) => {
      expect(directoriesToKeep({ uid, runtimeDirectory })).toEqual([ofTemporary])
    },
  )

  test("of another user, as sudo may pass it on, is ignored; root's own directory is used", ({
    skip,
  }) => {
    if (uid !== 0) skip('only root can make directories of another user')
    chownSync(root, 4_711, 4_711)
    expect(directoriesToKeep({ uid: 0, runtimeDirectory: root })).toEqual([
      '/tmp/endless-services-0',
    ])
    expect(directoriesToKeep({ uid: 4_711, runtimeDirectory: root })).toEqual([
      own,
      '/tmp/endless-services-4711',
    ])
  })
})

test('each user has another directory in /tmp; without a uid there is none', () => {
  expect(directoriesToKeep({ uid: 4_711 })).toEqual(['/tmp/endless-services-4711'])
  expect(directoriesToKeep({ uid: undefined })).toEqual([])
  expect(directoriesToSearch({ uid: undefined })).toEqual([])
})

describe('the directory', () => {
  const isTrusted = (): boolean =>
    directoriesToSearch({ uid, runtimeDirectory: root }).includes(own)

  test('is created for its user alone, whatever the umask, and used again', () => {
    const umask = process.umask(0)
    try {
      expect(makeDirectory(own, uid)).toBeUndefined()
    } finally {
      process.umask(umask)
    }
    expect(statSync(own).mode & 0o777).toBe(0o700)
    expect(makeDirectory(own, uid)).toBeUndefined()
    expect(isTrusted()).toBe(true)
  })

  test('is not searched if it is not there', () => {
    expect(isTrusted()).toBe(false)
  })

  test('is refused if others may enter it', () => {
    mkdirSync(own)
    chmodSync(own, 0o750)
    expect(makeDirectory(own, uid)).toBe(
      `other users may enter ${own} (mode 0750): run chmod 700 ${own}`,
    )
    expect(isTrusted()).toBe(false)
  })

  test('is refused if it is a link, even to a directory of the user', () => {
    const target = path.join(root, 'target')
    mkdirSync(target, { mode: 0o700 })
    symlinkSync(target, own)
    expect(makeDirectory(own, uid)).toBe(`${own} is not a directory`)
    expect(isTrusted()).toBe(false)
  })

  test('is refused if it is a file', () => {
    writeFileSync(own, '')
    expect(makeDirectory(own, uid)).toBe(`${own} is not a directory`)
    expect(isTrusted()).toBe(false)
  })

  test('is refused if another user has made it', ({ skip }) => {
    if (uid !== 0) skip('only root can make directories of another user')
    mkdirSync(own, { mode: 0o700 })
    chownSync(own, 4_711, 4_711)
    expect(makeDirectory(own, uid)).toBe(`${own} belongs to another user (uid 4711)`)
    expect(isTrusted()).toBe(false)
  })

  test('is refused where other users could replace it', () => {
    chmodSync(root, 0o777)
    expect(makeDirectory(own, uid)).toBe(`other users may replace what is in ${root}`)
  })

  test('is not created where there is nothing to create it in', () => {
    expect(makeDirectory('/nowhere/endless', uid)).toMatch(/^ENOENT/)
  })
})
