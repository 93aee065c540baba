// Proves what a restart means for the process that gives way, with a successor that does what the test
// says. What it means for servers is in generation.test.ts.
import { beforeEach, expect, test, vi } from 'vitest'
import type { OwnServiceHost } from '../../src/process/own-service.js'
import type { Parts } from '../../src/process/parts/parts.js'
import { Restart } from '../../src/process/restart.js'
import { Returning } from '../../src/process/returning.js'
import { createParts } from '../../src/process/runtime.js'
import { FakeSystem, settle } from '../fake-system.js'

// The sources have no compiled preload beside them; nothing here runs it.
vi.mock('../../src/launch/preload-file.js', () => ({ preloadFile: () => undefined }))

let system: FakeSystem
let parts: Parts
let seen: string[]
let restart: Restart
/** Whether nobody has asked this process to shut down. */
let mayServe: boolean

beforeEach(() => {
  system = new FakeSystem()
  const generation = {} as OwnServiceHost
  parts = createParts(system, undefined, generation)
  parts.lifecycle.apply('serve')
  seen = []
  mayServe = true
  parts.events.on('taken-over', () => seen.push('taken-over'))
  parts.events.on('restart-failed', () => seen.push('restart-failed'))
  restart = new Restart(parts, {
    gaveWay: () => seen.push('gave way'),
    takenOver: () => seen.push('ends'),
    takenBack: ({ code }) => {
      seen.push(`taken back ${code}`)
      return mayServe
    },
    servesAgain: async () => void seen.push('serves again'),
    stopped: () => seen.push('stopped'),
    isShuttingDown: () => false,
    generations: () => Promise.resolve([]),
    limit: () => undefined,
    returning: new Returning(system),
  })
  restart.report.catch(() => undefined)
  void restart.begin()
})

/** Has what follows the hooks wait, as for a service manager that is slow; answers what ends that. */
function hold(): () => void {
  let end = (): void => undefined
  vi.spyOn(parts.servers, 'runHooks').mockReturnValue(new Promise((resolve) => (end = resolve)))
  return () => {
    end()
  }
}

test('the process ends when the successor has taken over', async () => {
  expect([restart.isUnderWay, parts.lifecycle.state]).toEqual([true, 'restarting'])
  await system.child.boot()
  expect(await restart.report).toEqual({ number: 1, pid: 101, durationMs: 0, dropped: [] })
  expect(seen).toEqual(['gave way', 'taken-over', 'ends'])
  expect([restart.isUnderWay, restart.successor?.hasTakenOver]).toEqual([false, true])
  expect(parts.record.last).toMatchObject({ outcome: 'taken-over', number: 1 })
})

test('a successor is listed as booting until it takes over', async () => {
  await system.advance(300)
  expect(restart.booting).toEqual({
    number: 1,
    pid: 101,
    state: 'booting',
    uptimeMs: 300,
    memoryBytes: null,
    servers: [],
  })
  await system.child.boot()
  expect(restart.booting).toBeUndefined()
})

test('nothing follows from one that fails', async () => {
  system.child.exit(1)
  await restart.settled
  expect(seen).toEqual(['restart-failed'])
  expect([restart.isUnderWay, restart.successor, parts.lifecycle.state]).toEqual([
    false,
    undefined,
    'running',
  ])
  expect(parts.record.last).toMatchObject({ outcome: 'failed', number: 1, pid: 101 })
})

test('one that is broken off stops the successor', async () => {
  restart.abort()
  await expect(restart.report).rejects.toMatchObject({ code: 'ERR_ENDLESS_SHUTTING_DOWN' })
  expect([system.child.signals, seen]).toEqual([['SIGTERM'], ['restart-failed']])
})

test('it cannot be broken off once the successor takes over', async () => {
  await system.child.boot()
  await restart.report
  restart.abort()
  await settle()
  expect(system.child.signals).toEqual([])
})

test('a successor that dies when it has taken over is stood in for', async () => {
  await system.child.boot()
  await restart.report
  system.child.exit(1)
  await settle()
  expect(seen.slice(3)).toEqual([
    'taken back ERR_ENDLESS_SUCCESSOR_EXITED',
    'restart-failed',
    'serves again',
  ])
  expect([restart.successor, parts.lifecycle.state]).toEqual([undefined, 'running'])
})

test('it is not stood in for by a process that was asked to shut down', async () => {
  await system.child.boot()
  await restart.report
  mayServe = false
  system.child.exit(1)
  await settle()
  expect(seen.slice(3)).toEqual(['taken back ERR_ENDLESS_SUCCESSOR_EXITED', 'restart-failed'])
  expect([restart.successor, parts.lifecycle.state]).toEqual([undefined, 'shutting-down'])
})

test('one that cannot be told to take over is stopped, and stood in for', async () => {
  system.child.say({ type: 'hello', version: 1 })
  await settle()
  system.child.sendError = new Error('closed')
  system.child.say({ type: 'ready', adopts: [] })
  await expect(restart.report).rejects.toMatchObject({ code: 'ERR_ENDLESS_SUCCESSOR_EXITED' })
  expect(system.child.signals).toEqual(['SIGTERM'])
  await settle()
  expect(seen).toEqual([
    'gave way',
    'taken back ERR_ENDLESS_SUCCESSOR_EXITED',
    'restart-failed',
    'serves again',
  ])
})

test('one that begins to shut down before it has taken over is stopped, and this process serves on', async () => {
  const told = hold()
  await system.child.boot()
  system.child.say({ type: 'leaving', hasTakenOver: false })
  await settle()
  expect(system.child.signals).toEqual(['SIGTERM'])
  await expect(restart.report).rejects.toMatchObject({
    code: 'ERR_ENDLESS_SUCCESSOR_EXITED',
    message: expect.stringContaining('began to shut down before it had taken over') as string,
  })
  told()
  await settle()
  expect([seen, parts.lifecycle.state]).toEqual([['restart-failed'], 'running'])
})

test('one that says so in the same turn as that it is ready takes over nothing', async () => {
  system.child.say({ type: 'hello', version: 1 })
  await settle()
  system.child.say({ type: 'ready', adopts: [] })
  system.child.say({ type: 'leaving' })
  await expect(restart.report).rejects.toMatchObject({ code: 'ERR_ENDLESS_SUCCESSOR_EXITED' })
  expect(seen).toEqual(['restart-failed'])
})

test('one that had begun to shut down when it was told to take over is stopped, and stood in for', async () => {
  await system.child.boot()
  await restart.report
  system.child.say({ type: 'leaving', hasTakenOver: false })
  await settle(10)
  expect(system.child.signals).toEqual(['SIGTERM'])
  expect(seen.slice(3)).toEqual([
    'taken back ERR_ENDLESS_SUCCESSOR_EXITED',
    'restart-failed',
    'serves again',
  ])
})

test('one that dies before it is known whether it was told is stood in for', async () => {
  system.child.say({ type: 'hello', version: 1 })
  await settle()
  system.child.isCorked = true
  system.child.say({ type: 'ready', adopts: [] })
  await settle()
  expect(seen).toEqual(['gave way'])
  system.child.exit(1)
  await expect(restart.report).rejects.toMatchObject({ code: 'ERR_ENDLESS_SUCCESSOR_EXITED' })
  await settle()
  expect(seen.slice(1)).toEqual([
    'taken back ERR_ENDLESS_SUCCESSOR_EXITED',
    'restart-failed',
    'serves again',
  ])
})

test('a successor that shuts down itself is not stood in for', async () => {
  await system.child.boot()
  await restart.report
  system.child.say({ type: 'leaving' })
  system.child.exit(0)
  await settle()
  expect(seen).toEqual(['gave way', 'taken-over', 'ends'])
})

test('a successor that does not say that it serves is waited for no longer than five seconds', async () => {
  const { child } = system
  const say = child.say.bind(child)
  child.say = (message) => {
    if (message.type !== 'serving') say(message)
  }
  await child.boot()
  await restart.report
  let isOver = false
  void restart.untilServing().then(() => (isOver = true))
  await system.advance(4_999)
  expect(isOver).toBe(false)
  await system.advance(1)
  expect(isOver).toBe(true)
})
