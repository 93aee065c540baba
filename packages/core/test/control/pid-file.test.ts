// Proves that the pid file is replaced in one step, by us, and removed only while it names us.
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { PidFile } from '../../src/control/pid-file.js'

const running = new Set<number>()
const world = { isClusterWorker: false, stillRuns: (pid: number): boolean => running.has(pid) }

let directory: string
let file: string

function pidFile(pid: number, at = file, parentPid?: number): PidFile {
  return new PidFile(at, { ...world, pid }, parentPid)
}

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'endless-'))
  file = path.join(directory, 'app.pid')
})

afterEach(() => {
  vi.restoreAllMocks()
  running.clear()
  rmSync(directory, { recursive: true, force: true })
})

test('writes the pid and leaves no temporary file', () => {
  pidFile(4711).write()
  expect(readFileSync(file, 'utf8')).toBe('4711\n')
  expect(readdirSync(directory)).toEqual(['app.pid'])
})

test('replaces the file instead of writing into it', () => {
  writeFileSync(file, '1\n')
  const before = path.join(directory, 'before')
  // A second name of the old file keeps what was in it, if it was not written to.
  symlinkSync(file, before)
  pidFile(4711).write()
  expect(readFileSync(before, 'utf8')).toBe('4711\n')
  expect(readdirSync(directory).sort()).toEqual(['app.pid', 'before'])
})

test('replaces a symbolic link, and leaves what it led to as it was', () => {
  const target = path.join(directory, 'precious')
  writeFileSync(target, 'precious')
  symlinkSync(target, file)
  pidFile(4711).write()
  expect(readFileSync(target, 'utf8')).toBe('precious')
  expect(readFileSync(file, 'utf8')).toBe('4711\n')
})

test('what was prepared takes the place of the file only when it is written, or is removed', () => {
  writeFileSync(file, '1\n')
  const ours = pidFile(4711)
  ours.prepare()
  expect(readFileSync(file, 'utf8')).toBe('1\n')
  const [temporary] = readdirSync(directory).filter((name) => name !== 'app.pid')
  // Nobody can guess it, and so take it first.
  expect(temporary).toMatch(/^\.endless-4711-[0-9a-f]{16}\.tmp$/)
  ours.remove()
  expect(readdirSync(directory)).toEqual(['app.pid'])
  ours.prepare()
  ours.write()
  expect(readFileSync(file, 'utf8')).toBe('4711\n')
  expect(readdirSync(directory)).toEqual(['app.pid'])
})

test('removes the file that names us', () => {
  const ours = pidFile(4711)
  ours.write()
  ours.remove()
  expect(existsSync(file)).toBe(false)
})

test('leaves the file that names another process', () => {
  const ours = pidFile(4711)
  ours.write()
  pidFile(4712).write()
  ours.remove()
  expect(readFileSync(file, 'utf8')).toBe('4712\n')
})

test('removing a file that is gone is no error', () => {
  pidFile(4711).remove()
})

test('a missing directory is found at the start', () => {
  expect(() => pidFile(1, path.join(directory, 'missing', 'app.pid'))).toThrow(
    expect.objectContaining({ code: 'ERR_ENDLESS_PID_FILE' }),
  )
})

test('a directory that is a file is found at the start', () => {
  writeFileSync(file, '')
  expect(() => pidFile(1, path.join(file, 'app.pid'))).toThrow(
    expect.objectContaining({ code: 'ERR_ENDLESS_PID_FILE' }),
  )
})

test('what cannot be written is reported with its reason, and leaves nothing behind', () => {
  mkdirSync(file)
  expect(() => {
    pidFile(4711).write()
  }).toThrow(
    expect.objectContaining({
      code: 'ERR_ENDLESS_PID_FILE',
      cause: expect.objectContaining({ code: 'EISDIR' }) as object,
    }),
  )
  expect(readdirSync(directory)).toEqual(['app.pid'])
})

test('a file that could not be replaced is found before it has to be', () => {
  mkdirSync(file)
  expect(() => {
    pidFile(4711).prepare()
  }).toThrow(/Cannot write the pid file .*: EISDIR/)
  expect(readdirSync(directory)).toEqual(['app.pid'])
})

test('what is no file is replaced, and neither followed nor waited for', () => {
  execFileSync('mkfifo', [file])
  pidFile(4711).write()
  expect(readFileSync(file, 'utf8')).toBe('4711\n')
})

describe('a file that names another process', () => {
  beforeEach(() => {
    writeFileSync(file, '815\n')
  })

  const refusal = expect.objectContaining({
    code: 'ERR_ENDLESS_PID_FILE',
    pid: 815,
    message: expect.stringContaining('it names process 815, which runs') as string,
  }) as Error

  test.each(['check', 'prepare', 'write'] as const)(
    'which runs is left alone by %s, and at the end',
    (step) => {
      running.add(815)
      const ours = pidFile(4711)
      expect(() => {
        ours[step]()
      }).toThrow(refusal)
      ours.remove()
      expect(readFileSync(file, 'utf8')).toBe('815\n')
      expect(readdirSync(directory)).toEqual(['app.pid'])
    },
  )

  test('which came after the check is left alone, too', () => {
    rmSync(file)
    const ours = pidFile(4711)
    ours.check()
    ours.prepare()
    running.add(815)
    writeFileSync(file, '815\n')
    expect(() => {
      ours.write()
    }).toThrow(refusal)
    expect(readFileSync(file, 'utf8')).toBe('815\n')
    expect(readdirSync(directory)).toEqual(['app.pid'])
  })

  test.each([
    ['which is gone', 815, undefined],
    ['which is this process, of an earlier boot', 4711, undefined],
    ['which is our predecessor', 100, 100],
  ])('%s is taken over', (_, named, parentPid) => {
    running.add(100).add(4711)
    writeFileSync(file, `${String(named)}\n`)
    pidFile(4711, file, parentPid).write()
    expect(readFileSync(file, 'utf8')).toBe('4711\n')
  })

  test('is told apart from one that got its pid later by the time of the file', () => {
    const seen: [number, number][] = []
    utimesSync(file, 1_000, 1_000)
    const stillRuns = (pid: number, momentMs: number): boolean => {
      seen.push([pid, momentMs])
      return false
    }
    new PidFile(file, { ...world, pid: 4711, stillRuns }).check()
    expect(seen).toEqual([[815, 1_000_000]])
  })

  test('is taken by each worker of a cluster, which has the options of all', () => {
    running.add(815)
    new PidFile(file, { ...world, pid: 4711, isClusterWorker: true }).write()
    expect(readFileSync(file, 'utf8')).toBe('4711\n')
  })
})

test.each(['', 'text', '0', '-1', '99999999999', '1 2', '7'.repeat(1_000)])(
  'a file that holds %j names no process',
  (text) => {
    running.add(0).add(1).add(7)
    writeFileSync(file, text)
    pidFile(4711).write()
    expect(readFileSync(file, 'utf8')).toBe('4711\n')
  },
)
