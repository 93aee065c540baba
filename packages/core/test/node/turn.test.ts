// Proves that only one process acts on a file at a time, and that neither a dead process nor a stranger holds
// up the others.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { inTurn } from '../../src/node/turn.js'

const isRoot = process.getuid?.() === 0

let directory: string
let file: string

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'endless-turn-'))
  file = path.join(directory, 'app.sock')
})

afterEach(() => {
  fs.rmSync(directory, { recursive: true })
})

test('a turn is somebody else’s until it ends, also by an error, and leaves nothing', () => {
  const outcome = inTurn(file, () => [
    inTurn(file, () => 'again'),
    inTurn(`${file}.2`, () => 'other'),
  ])
  expect(outcome).toEqual([undefined, 'other'])
  expect(() =>
    inTurn(file, () => {
      throw new Error('failed')
    }),
  ).toThrow('failed')
  expect(inTurn(file, () => 'next')).toBe('next')
  expect(fs.readdirSync(directory)).toEqual([])
})

/** Leaves the mark of a turn, as a process does that is killed in its turn; returns its path. */
function leaveTurn(): string {
  const [name] = inTurn(file, () => fs.readdirSync(directory))!
  const turn = path.join(directory, name!)
  fs.mkdirSync(turn)
  return turn
}

test('a turn that a killed process left is over after a while, whatever the clock says', () => {
  leaveTurn()
  expect(inTurn(file, () => 'taken')).toBeUndefined()
  for (const laterMs of [3_600_000, -3_600_000]) {
    const now = Date.now
    Date.now = () => now() + laterMs
    try {
      expect(inTurn(file, () => 'taken')).toBe('taken')
    } finally {
      Date.now = now
    }
    leaveTurn()
  }
})

test('what is no directory, or one with something in it, holds nobody up', () => {
  const turn = leaveTurn()
  fs.rmdirSync(turn)
  fs.writeFileSync(turn, '')
  expect(inTurn(file, () => 'taken')).toBe('taken')
  expect(fs.existsSync(turn)).toBe(true)
})

test.runIf(isRoot)('nor does a directory of another user', () => {
  fs.chownSync(leaveTurn(), 4711, 4711)
  expect(inTurn(file, () => 'taken')).toBe('taken')
})

test('where nothing can be created, that is the error', () => {
  expect(() => inTurn(path.join(directory, 'missing', 'x'), () => 'taken')).toThrow('ENOENT')
})
