// Proves that the pid file is replaced in one step, by us, and removed only while it names us.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PidFile } from '../../src/control/pid-file.js'

let directory: string
let file: string

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'endless-'))
  file = path.join(directory, 'app.pid')
})

afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

test('writes the pid and leaves no temporary file', () => {
  new PidFile(file, 4711).write()
  expect(readFileSync(file, 'utf8')).toBe('4711\n')
  expect(readdirSync(directory)).toEqual(['app.pid'])
})

test('replaces the file instead of writing into it', () => {
  writeFileSync(file, '1\n')
  const before = path.join(directory, 'before')
  // A second name of the old file keeps what was in it, if it was not written to.
  symlinkSync(file, before)
  new PidFile(file, 4711).write()
  expect(readFileSync(before, 'utf8')).toBe('4711\n')
  expect(readdirSync(directory).sort()).toEqual(['app.pid', 'before'])
})

test('replaces a symbolic link, and leaves what it led to as it was', () => {
  const target = path.join(directory, 'precious')
  writeFileSync(target, 'precious')
  symlinkSync(target, file)
  new PidFile(file, 4711).write()
  expect(readFileSync(target, 'utf8')).toBe('precious')
  expect(readFileSync(file, 'utf8')).toBe('4711\n')
})

test('does not write through a symbolic link in the place of its temporary file', () => {
  const target = path.join(directory, 'precious')
  writeFileSync(target, 'precious')
  symlinkSync(target, `${file}.4711.tmp`)
  new PidFile(file, 4711).write()
  expect(readFileSync(target, 'utf8')).toBe('precious')
  expect(readFileSync(file, 'utf8')).toBe('4711\n')
})

test('what was prepared takes the place of the file only when it is written, or is removed', () => {
  writeFileSync(file, '1\n')
  const pidFile = new PidFile(file, 4711)
  pidFile.prepare()
  expect(readFileSync(file, 'utf8')).toBe('1\n')
  expect(readdirSync(directory)).toEqual(['app.pid', 'app.pid.4711.tmp'])
  pidFile.remove()
  expect(readdirSync(directory)).toEqual(['app.pid'])
  pidFile.prepare()
  pidFile.write()
  expect(readFileSync(file, 'utf8')).toBe('4711\n')
  expect(readdirSync(directory)).toEqual(['app.pid'])
})

test('removes the file that names us', () => {
  const pidFile = new PidFile(file, 4711)
  pidFile.write()
  pidFile.remove()
  expect(existsSync(file)).toBe(false)
})

test('leaves the file that names another process', () => {
  const pidFile = new PidFile(file, 4711)
  pidFile.write()
  new PidFile(file, 4712).write()
  pidFile.remove()
  expect(readFileSync(file, 'utf8')).toBe('4712\n')
})

test('removing a file that is gone is no error', () => {
  new PidFile(file, 4711).remove()
})

test('a missing directory is found at the start', () => {
  expect(() => new PidFile(path.join(directory, 'missing', 'app.pid'), 1)).toThrow(
    expect.objectContaining({ code: 'ERR_ENDLESS_PID_FILE' }),
  )
})

test('a directory that is a file is found at the start', () => {
  writeFileSync(file, '')
  expect(() => new PidFile(path.join(file, 'app.pid'), 1)).toThrow(
    expect.objectContaining({ code: 'ERR_ENDLESS_PID_FILE' }),
  )
})

test('what cannot be written is reported with its reason, and leaves nothing behind', () => {
  mkdirSync(file)
  expect(() => {
    new PidFile(file, 4711).write()
  }).toThrow(
    expect.objectContaining({
      code: 'ERR_ENDLESS_PID_FILE',
      cause: expect.objectContaining({ code: 'EISDIR' }) as object,
    }),
  )
  expect(readdirSync(directory)).toEqual(['app.pid'])
})

test('removes what a process that was killed had prepared, and nothing else', () => {
  new PidFile(file, 4711).prepare()
  const mine = new PidFile(file, 4712)
  mine.write()
  mine.clearAfter(4711)
  expect(readdirSync(directory)).toEqual(['app.pid'])
  mine.clearAfter(4711)
  expect(readFileSync(file, 'utf8')).toBe('4712\n')
})
