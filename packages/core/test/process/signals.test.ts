// Proves which signals are caught and when, and that listeners of others are warned about once.
import { beforeEach, expect, test } from 'vitest'
import { hookSignals } from '../../src/api/hooks.js'
import { createStderrLogger } from '../../src/api/logger.js'
import { Signals } from '../../src/process/signals.js'
import { FakeSystem, settle } from '../fake-system.js'

let system: FakeSystem
let caught: string[]
let signals: Signals

beforeEach(() => {
  system = new FakeSystem()
  caught = []
  const logger = createStderrLogger(system)
  signals = new Signals(
    system,
    () => logger,
    (signal) => void caught.push(signal),
  )
})

test('nothing is caught before it is installed', () => {
  expect(system.caught).toEqual([])
})

test.each(hookSignals)('%s is caught once it is installed', (signal) => {
  signals.install([signal])
  signals.install([signal])
  system.process.emit(signal)
  expect(caught).toEqual([signal])
})

test('what is not asked for is left alone', () => {
  signals.install(['SIGTERM'])
  expect(system.caught).toEqual(['SIGTERM'])
})

test('uninstalling removes every listener and the watch', async () => {
  signals.install(hookSignals)
  signals.uninstall()
  expect(system.caught).toEqual([])
  expect(system.process.listenerCount('newListener')).toBe(0)
  system.process.on('SIGTERM', () => undefined)
  await settle()
  expect(system.lines).toEqual([])
})

test('it can be installed again', () => {
  signals.install(['SIGHUP'])
  signals.uninstall()
  signals.install(['SIGHUP'])
  system.process.emit('SIGHUP')
  expect(caught).toEqual(['SIGHUP'])
})

test.each([
  ['SIGHUP', 'it ends the service instead of restarting it. If'],
  ['SIGTERM', 'it loses requests. If'],
  ['SIGINT', 'it loses requests. If'],
] as const)(
  'a foreign %s listener from before is warned about by name of the remedy',
  (signal, harm) => {
    system.process.on(signal, () => undefined)
    signals.install(hookSignals)
    expect(system.lines).toHaveLength(1)
    expect(system.lines[0]).toContain(`Another listener to ${signal} is in this process.`)
    expect(system.lines[0]).toContain(harm)
    expect(system.lines[0]).toContain('generation.onTerminate(…), which is awaited')
  },
)

test('foreign listeners to several signals are one warning that names them', () => {
  for (const signal of hookSignals) system.process.on(signal, () => undefined)
  signals.install(hookSignals)
  signals.install(hookSignals)
  expect(system.lines).toHaveLength(2)
  const line = system.lines.find((each) => !each.includes('SIGUSR2')) ?? ''
  const named = /Another listener to (.*?) is/.exec(line)?.[1]?.split(', ').sort()
  expect(named).toEqual(['SIGHUP', 'SIGINT', 'SIGTERM'])
  expect(line).toContain('it ends the service instead of restarting it or loses requests. If')
})

test('foreign listeners that come later are one warning too, and each signal is named once', async () => {
  signals.install(hookSignals)
  system.process.on('SIGTERM', () => undefined)
  system.process.on('SIGTERM', () => undefined)
  system.process.on('SIGINT', () => undefined)
  await settle()
  system.process.on('SIGINT', () => undefined)
  await settle()
  expect(system.lines).toEqual([expect.stringContaining('Another listener to SIGINT, SIGTERM is')])
})

test('a foreign listener to SIGUSR2 is warned about once, since that is the hammer too', async () => {
  system.process.on('SIGUSR2', () => undefined)
  signals.install(hookSignals)
  system.process.on('SIGUSR2', () => undefined)
  await settle()
  expect(system.lines).toEqual([expect.stringContaining('Another listener to SIGUSR2')])
  expect(system.lines[0]).toContain("signals to ['SIGHUP', 'SIGTERM', 'SIGINT']")
})

test('listeners that do nothing while others are there are not warned about; one beside them is', async () => {
  const names = ['SIGHUP', 'SIGTERM', 'SIGINT', 'SIGUSR2'] as const
  system.signalExits = 1
  for (const signal of names) system.process.on(signal, () => undefined)
  signals.install(hookSignals)
  expect(system.lines).toEqual([])
  system.signalExits = 2 // another copy of the package
  for (const signal of names) system.process.on(signal, () => undefined)
  await settle()
  expect(system.lines).toEqual([])
  system.process.on('SIGINT', () => undefined)
  await settle()
  expect(system.lines).toEqual([expect.stringContaining('Another listener to SIGINT is')])
})

test('listeners that take nothing from the drain are not warned about', async () => {
  system.process.on('SIGUSR1', () => undefined)
  signals.install(hookSignals)
  system.process.on('SIGTSTP', () => undefined)
  system.process.on('exit', () => undefined)
  await settle()
  expect(system.lines).toEqual([])
})

test('a signal that endless does not catch is nobody else’s business', async () => {
  signals.install(['SIGHUP'])
  system.process.on('SIGTERM', () => undefined)
  await settle()
  expect(system.lines).toEqual([])
})
