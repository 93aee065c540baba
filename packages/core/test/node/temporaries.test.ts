// Proves that what a killed process has left beside a path is removed, and nothing else.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { clearTemporaries, temporaryPrefix } from '../../src/node/temporaries.js'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'endless-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true })
})

test('files and directories of the process go, those of others stay', () => {
  const bindPlace = path.join(directory, `${temporaryPrefix(4711)}a1B2c3`)
  mkdirSync(bindPlace, { mode: 0o700 })
  writeFileSync(path.join(bindPlace, 'app.sock.1234'), '')
  writeFileSync(path.join(directory, `${temporaryPrefix(4711)}0123.tmp`), '')
  writeFileSync(path.join(directory, 'app.pid'), '4712\n')
  mkdirSync(path.join(directory, `${temporaryPrefix(4712)}d4E5f6`))
  clearTemporaries(directory, 471)
  expect(readdirSync(directory)).toHaveLength(4)
  clearTemporaries(directory, 4711)
  expect(readdirSync(directory).sort()).toEqual([`${temporaryPrefix(4712)}d4E5f6`, 'app.pid'])
})

test('a directory that is gone is no error', () => {
  clearTemporaries(path.join(directory, 'missing'), 4711)
  expect(readdirSync(directory)).toEqual([])
})
