// Proves what people read of options and servers: each with its value, where it comes from, and why.
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ListedGeneration } from '@endless/core/for-cli'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { explainGeneration, explainRun } from '../../src/commands/explain.js'

let directory: string
let script: string

beforeEach(() => {
  directory = realpathSync(mkdtempSync(path.join(tmpdir(), 'endless-explain-')))
  script = path.join(directory, 'app.js')
  writeFileSync(script, '')
})

afterEach(() => {
  rmSync(directory, { recursive: true })
})

const put = (endless: object): void => {
  writeFileSync(path.join(directory, 'package.json'), JSON.stringify({ endless }))
}
const rows = (text: string): string[] =>
  text.split('\n').map((line) => line.replaceAll(directory, '…').replace(/  +/g, ' | '))

test('before the start: what flags and package.json give, then all defaults', () => {
  put({ hammerTimeMs: 5_000, readyProbe: '/health' })
  const lines = rows(
    explainRun([script], false, { pidFile: 'app.pid', options: { hammerTimeMs: 30_000 } }),
  )
  expect(lines.slice(0, 6)).toEqual([
    'OPTION | VALUE | FROM',
    'hammerTimeMs | 30000 | endless run --hammer-time',
    "otherSignalListeners | 'hold' | default without code",
    "pidFile | 'app.pid' | endless run --pid-file",
    "readyProbe | '/health' | …/package.json",
    'workers | 1 | default',
  ])
  expect(lines).toContain('allowAddressChange | false | default')
  expect(lines).toContain('idleGraceMs | keepAliveTimeout of the server | default')
  expect(lines.at(-1)).toBe('endless status --explain')
})

test('before the start: a mistake, and a missing script, are refused', () => {
  put({ hamerTimeMs: 1 })
  expect(() => explainRun([script], false, {})).toThrow(
    `${directory}/package.json: endless.hamerTimeMs is not an option; did you mean hammerTimeMs?`,
  )
  expect(() => explainRun(['missing.js'], false, {})).toThrow('there is no such file')
})

const generation: ListedGeneration = {
  number: 4,
  pid: 4000,
  state: 'running',
  uptimeMs: 1,
  memoryBytes: 1,
  servers: [],
}

test('of a generation: its options, and its servers with the reasons', () => {
  const connections = { open: 0, idle: 0, busy: 0, upgraded: 0, http2: 0, handshaking: 0 }
  const lines = explainGeneration({
    ...generation,
    servers: [
      { address: '[::]:3000', state: 'running', madeBy: 'code', connections, requests: 0 },
      { address: '[::]:9229', state: 'running', madeBy: 'register', connections, requests: 0 },
    ],
    options: [{ name: 'hammerTimeMs', value: '1', from: 'code' }],
    left: [{ address: 'port 0', why: 'no client can know it' }],
  })
  expect(lines.slice(0, 4).map((line) => line.replace(/  +/g, ' | '))).toEqual([
    'generation 4 (pid 4000)',
    '',
    'OPTION | VALUE | FROM',
    'hammerTimeMs | 1 | code',
  ])
  expect(lines.slice(-4)).toEqual([
    'SERVER     ON A RESTART  WHY',
    '[::]:3000  handed over   the program has made it endless',
    '[::]:9229  handed over   it has a fixed address',
    'port 0     left alone    no client can know it',
  ])
})

test('of a generation that tells nothing: that', () => {
  expect(explainGeneration(generation)).toEqual([
    'generation 4 (pid 4000) does not tell its options: it hangs, or has an older version',
  ])
})
