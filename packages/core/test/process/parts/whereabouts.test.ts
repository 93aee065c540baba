// Proves where a process without supervisor can be found, and that it leaves no trace.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createStderrLogger } from '../../../src/api/logger.js'
import type { Service } from '../../../src/control/service.js'
import { ProcessSettings } from '../../../src/process/parts/process-settings.js'
import { Whereabouts } from '../../../src/process/parts/whereabouts.js'
import { FakeSystem } from '../../fake-system.js'

let system: FakeSystem
let directory: string
let pidFile: string
let whereabouts: Whereabouts

beforeEach(() => {
  system = new FakeSystem()
  directory = mkdtempSync(path.join(tmpdir(), 'endless-'))
  pidFile = path.join(directory, 'app.pid')
  const settings = new ProcessSettings(createStderrLogger(system), () => 0)
  whereabouts = new Whereabouts(system, settings, {} as Service)
})

afterEach(() => {
  whereabouts.close()
  rmSync(directory, { recursive: true, force: true })
})

const exitListeners = (): number => system.process.listenerCount('exit')

test('a process that nobody has asked for anything is found nowhere', async () => {
  await whereabouts.publish(() => undefined)
  expect(whereabouts.paths).toEqual({ pidFile: undefined, control: undefined })
  expect([whereabouts.bound, exitListeners()]).toEqual([undefined, 0])
})

test('a pid file has a control socket beside it', async () => {
  whereabouts.take({ pidFile })
  expect(whereabouts.paths).toEqual({ pidFile, control: `${pidFile}.sock` })
  await whereabouts.publish(() => undefined)
  expect(readFileSync(pidFile, 'utf8')).toBe('100\n')
  expect(existsSync(`${pidFile}.sock`)).toBe(true)
  expect(whereabouts.bound).toMatchObject({ path: `${pidFile}.sock` })
})

test('paths may change until somebody may have found them', async () => {
  const control = path.join(directory, 'control.sock')
  whereabouts.take({ pidFile: path.join(directory, 'first.pid'), control: `${control}1` })
  whereabouts.take({ pidFile, control })
  await whereabouts.publish(() => undefined)
  whereabouts.take({ pidFile: path.join(directory, 'other.pid'), control: `${control}2` })
  expect(whereabouts.paths).toEqual({ pidFile, control })
})

test('what is asked for again is not looked at again', () => {
  whereabouts.take({ pidFile })
  rmSync(directory, { recursive: true })
  whereabouts.take({ pidFile })
  expect(whereabouts.paths.pidFile).toBe(pidFile)
})

test('a path that cannot be is refused at once', () => {
  const missing = path.join(directory, 'missing', 'x')
  const code = (name: string): Error => expect.objectContaining({ code: name }) as Error
  expect(() => {
    whereabouts.take({ pidFile: missing })
  }).toThrow(code('ERR_ENDLESS_PID_FILE'))
  expect(() => {
    whereabouts.take({ control: missing })
  }).toThrow(code('ERR_ENDLESS_CONTROL'))
})

test('if one of two paths is refused, neither is kept, and another try may give others', () => {
  const missing = path.join(directory, 'missing', 'x')
  expect(() => {
    whereabouts.take({ pidFile, control: missing })
  }).toThrow('Cannot keep a control socket at')
  expect(whereabouts.paths).toEqual({ pidFile: undefined, control: undefined })
  const other = path.join(directory, 'other.pid')
  whereabouts.take({ pidFile: other })
  expect(whereabouts.paths.pidFile).toBe(other)
})

test('a path that is too long is refused in one sentence', () => {
  const long = path.join(directory, 'x'.repeat(100))
  expect(() => {
    whereabouts.take({ control: long })
  }).toThrow(
    new RegExp(
      `^Cannot keep a control socket at ${long}: it has \\d+ bytes, but the path of a Unix socket ` +
        'may have at most \\d+\\. Use a shorter path\\.$',
    ),
  )
})

test('a pid file of another process is refused when a server listens, and not before', () => {
  system.running.add(815)
  writeFileSync(pidFile, '815\n')
  whereabouts.take({ pidFile })
  expect(() => {
    whereabouts.check()
  }).toThrow(expect.objectContaining({ code: 'ERR_ENDLESS_PID_FILE', pid: 815 }) as Error)
})

test('what turns out not to be possible is logged', async () => {
  whereabouts.take({ pidFile })
  rmSync(directory, { recursive: true })
  await whereabouts.publish(() => undefined)
  expect(system.lines.join('')).toContain(`Cannot write the pid file ${pidFile}`)
  expect(system.lines.join('')).toContain(`Cannot keep a control socket at ${pidFile}.sock`)
})

test.each([
  ['on Windows', { platform: 'win32' as const }],
  ['in a worker of a cluster', { isClusterWorker: true }],
])('there is no control socket %s', async (_, world) => {
  Object.assign(system, world)
  whereabouts.take({ pidFile })
  await whereabouts.publish(() => undefined)
  expect([whereabouts.paths.control, existsSync(pidFile)]).toEqual([undefined, true])
})

test('both are gone when the process exits, also one that has taken over again', async () => {
  whereabouts.take({ pidFile })
  await whereabouts.publish(() => undefined)
  await whereabouts.publish(() => undefined)
  expect(exitListeners()).toBe(1)
  system.process.emit('exit')
  expect([existsSync(pidFile), existsSync(`${pidFile}.sock`)]).toEqual([false, false])
})

test('a pid file that a successor has too is its to remove', async () => {
  whereabouts.take({ pidFile })
  await whereabouts.publish(() => undefined)
  whereabouts.leavePidFile(path.join(directory, 'other.pid'))
  whereabouts.leavePidFile(pidFile)
  system.process.emit('exit')
  expect(existsSync(pidFile)).toBe(true)
})

test('a path of the control socket that the successor has not taken is removed', async () => {
  whereabouts.take({ pidFile })
  await whereabouts.publish(() => undefined)
  whereabouts.leaveControl()
  expect([existsSync(pidFile), existsSync(`${pidFile}.sock`)]).toEqual([true, false])
})

test('once nothing serves, other paths may be asked for', async () => {
  whereabouts.take({ pidFile })
  await whereabouts.publish(() => undefined)
  whereabouts.close()
  expect([existsSync(pidFile), existsSync(`${pidFile}.sock`), exitListeners()]).toEqual([
    false,
    false,
    0,
  ])
  const other = path.join(directory, 'other.pid')
  whereabouts.take({ pidFile: other })
  expect(whereabouts.paths.pidFile).toBe(other)
})

test('what could not be written is tried again, and told once', async () => {
  whereabouts.take({ pidFile })
  rmSync(directory, { recursive: true })
  await whereabouts.publish(() => undefined)
  const told = system.lines.length
  await system.advance(3_000)
  mkdirSync(directory)
  await system.advance(1_000)
  expect(readFileSync(pidFile, 'utf8')).toBe('100\n')
  expect([system.lines.length, system.pendingMs]).toEqual([told, []])
})

test('nothing is tried again once a successor has taken over', async () => {
  whereabouts.take({ pidFile })
  rmSync(directory, { recursive: true })
  await whereabouts.publish(() => undefined)
  whereabouts.leavePidFile(pidFile, 815)
  mkdirSync(directory)
  await system.advance(5_000)
  expect([existsSync(pidFile), system.pendingMs]).toEqual([false, []])
})

test('only that of slot 0 leads anywhere', async () => {
  const settings = new ProcessSettings(createStderrLogger(system), () => 0)
  const other = new Whereabouts(system, settings, {} as Service, { slot: () => 1 })
  other.take({ pidFile })
  other.check()
  other.prepare()
  other.writePidFile()
  await other.publish(() => undefined)
  other.close()
  expect([existsSync(pidFile), existsSync(`${pidFile}.sock`)]).toEqual([false, false])
})
