// Proves what counts where flags, code and package.json say different things, and when they are read.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  flagOptions,
  OutsideOptions,
  readManifestOptions,
} from '../../../src/process/parts/outside-options.js'

const layered = (): OutsideOptions =>
  new OutsideOptions(
    () => flagOptions({ hammerTimeMs: 1 }),
    () => ({ from: '/package.json', server: { hammerTimeMs: 3, idleGraceMs: 3 }, process: {} }),
  )

test('a flag wins over code, and code over package.json, for each option', () => {
  const outside = layered()
  outside.read()
  expect(outside.forServer({ hammerTimeMs: 2, readTimeoutMs: 2 })).toEqual({
    hammerTimeMs: 1,
    readTimeoutMs: 2,
    idleGraceMs: 3,
  })
  expect(outside.forServer({ idleGraceMs: 2 })).toEqual({ hammerTimeMs: 1, idleGraceMs: 2 })
})

test('nothing counts before it is read', () => {
  expect(layered().forServer({ idleGraceMs: 2 })).toEqual({ idleGraceMs: 2 })
})

test('they are read once; a mistake is told again', () => {
  let reads = 0
  const good = new OutsideOptions(undefined, () => {
    reads++
    return undefined
  })
  good.read()
  good.read()
  expect(reads).toBe(1)
  const bad = new OutsideOptions(() => flagOptions({ hammerTime: 1 }))
  const mistake = 'endless run: hammerTime is not an option; did you mean hammerTimeMs?'
  for (let call = 0; call < 2; call++) {
    expect(() => {
      bad.read()
    }).toThrow(mistake)
  }
})

test('the options of package.json are parted, and a mistake names the file', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'endless-outside-'))
  onTestFinished(() => {
    rmSync(directory, { recursive: true })
  })
  const file = path.join(directory, 'package.json')
  const read = (endless: unknown): unknown => {
    writeFileSync(file, JSON.stringify({ endless }))
    return readManifestOptions([path.join(directory, 'app.js')], process.getuid?.())
  }
  expect(read({ hammerTimeMs: 1, ready: 'manual' })).toEqual({
    from: file,
    server: { hammerTimeMs: 1 },
    process: { ready: 'manual' },
  })
  expect(() => read({ exit: 'no' })).toThrow(
    `${file}: endless.exit is 'no': expected true or false`,
  )
})
