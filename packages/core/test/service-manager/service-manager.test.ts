// Proves what is taken of a service manager's environment and when, and what it is told: by whom, in which order, and
// that nobody waits for ever or dies because it cannot be told.
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { ServiceManager } from '../../src/service-manager/service-manager.js'
import { hideServiceVariables, takeServiceVariables } from '../../src/service-manager/variables.js'
import { FakeSystem, settle } from '../fake-system.js'

const all = {
  LISTEN_FDS: '2',
  LISTEN_FDNAMES: 'web:admin',
  LISTEN_PID: '100',
  NOTIFY_SOCKET: '/run/notify',
  WATCHDOG_PID: '100',
  WATCHDOG_USEC: '30000000',
}

describe('the environment', () => {
  const take = (env: NodeJS.ProcessEnv) => takeServiceVariables({ env, pid: 100 })

  test('gives sockets with their names, and where and how often to report', () => {
    expect(take({ ...all })).toEqual({
      sockets: [
        { fd: 3, name: 'web' },
        { fd: 4, name: 'admin' },
      ],
      notify: { socket: '/run/notify', watchdogMs: 30_000 },
    })
  })

  test('has nothing of it afterwards, and all of the rest', () => {
    const env: NodeJS.ProcessEnv = { ...all, HOME: '/root' }
    take(env)
    expect(env).toEqual({ HOME: '/root' })
    const other: NodeJS.ProcessEnv = { ...all, HOME: '/root' }
    hideServiceVariables(other)
    expect(other).toEqual({ HOME: '/root' })
  })

  test('gives no socket that is meant for another process, and takes the variables all the same', () => {
    for (const LISTEN_PID of ['101', '', '1000', '0100', undefined]) {
      const env: NodeJS.ProcessEnv = { ...all, LISTEN_PID }
      expect(take(env).sockets).toEqual([])
      expect(env['LISTEN_FDS']).toBe(undefined)
    }
  })

  test('gives no socket for a count that is none', () => {
    for (const LISTEN_FDS of ['0', '-1', '1.5', 'x', '', undefined]) {
      expect(take({ ...all, LISTEN_FDS }).sockets).toEqual([])
    }
  })

  test('names what has no name as systemd does', () => {
    const { LISTEN_FDNAMES: _, ...rest } = all
    expect(take(rest).sockets.map(({ name }) => name)).toEqual(['unknown', 'unknown'])
  })

  test('has a watchdog for this process or for nobody in particular', () => {
    const watchdogOf = (env: NodeJS.ProcessEnv) => take({ ...all, ...env }).notify?.watchdogMs
    expect(watchdogOf({ WATCHDOG_PID: undefined })).toBe(30_000)
    expect(watchdogOf({ WATCHDOG_PID: '101' })).toBe(undefined)
    expect(watchdogOf({ WATCHDOG_USEC: '0' })).toBe(undefined)
    expect(watchdogOf({ WATCHDOG_USEC: undefined })).toBe(undefined)
  })

  test('without a socket to report to asks for no report', () => {
    const { NOTIFY_SOCKET: _, ...rest } = all
    expect(take(rest).notify).toBe(undefined)
  })
})

/** The helper, which a test has answer. */
class Helper extends EventEmitter {
  readonly stdin = Object.assign(new PassThrough(), { unref: () => undefined })
  readonly stdout = Object.assign(new PassThrough(), { unref: () => undefined })
  readonly told: string[][] = []
  readonly kills: string[] = []
  #text = ''

  constructor(answer: string | undefined) {
    super()
    this.stdin.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString()
      const lines = this.#text.split('\n')
      this.#text = lines.pop() ?? ''
      for (const line of lines) {
        this.told.push(line.split('\t'))
        if (answer !== undefined) this.stdout.write(`${answer}\n`)
      }
    })
  }

  unref(): void {
    // What it holds is for real processes to show.
  }

  kill(signal: string): void {
    this.kills.push(signal)
    this.emit('exit', null, signal)
  }
}

class World extends FakeSystem {
  readonly helpers: Helper[] = []
  answer: string | undefined = '0'

  override spawn(command: string, args: string[], options: SpawnOptions): ChildProcess {
    if (this.spawnError) throw this.spawnError
    this.spawned.push({ command, args, options })
    const helper = new Helper(this.answer)
    this.helpers.push(helper)
    return helper as unknown as ChildProcess
  }

  get told(): string[][] {
    return this.helpers.flatMap(({ told }) => told)
  }
}

function create(watchdogMs?: number, isWell?: () => Promise<unknown>) {
  const world = new World()
  const warnings: string[] = []
  const logger = {
    info: () => undefined,
    warn: (text: string) => warnings.push(text),
    error: () => undefined,
  }
  const manager = new ServiceManager(
    world,
    { socket: '/run/notify', watchdogMs },
    () => logger,
    isWell,
  )
  return { world, warnings, manager }
}

describe('the service manager', () => {
  test('hears of a service in the order of its life, by one helper', async () => {
    const { world, manager } = create()
    manager.serving(0, 100)
    await manager.restarting()
    manager.restartFailed('line one\nline two\tend')
    manager.stopping()
    await manager.moveMainTo(101)
    expect(world.told).toEqual([
      ['READY=1', 'STATUS=generation 0 (pid 100) serves'],
      ['RELOADING=1', 'MONOTONIC_USEC=1000000', 'STATUS=restarting: the next generation boots'],
      ['READY=1', 'STATUS=the last restart failed: line one\\nline two\\tend'],
      ['STOPPING=1', 'STATUS=shutting down'],
      ['MAINPID=101'],
    ])
    expect(world.helpers).toHaveLength(1)
    expect(world.spawned[0]?.options.env).toEqual({
      PATH: undefined,
      NOTIFY_SOCKET: '/run/notify',
    })
  })

  test('hears at half the interval that all is well, until somebody else is responsible', async () => {
    const { world, manager } = create(10_000)
    const beats = () => world.told.filter(([first]) => first === 'WATCHDOG=1').length
    manager.serving(0, 100)
    await settle()
    expect(beats()).toBe(1)
    await world.advance(10_000)
    expect(beats()).toBe(3)
    manager.succeeded()
    await world.advance(30_000)
    expect(beats()).toBe(3)
    manager.restartFailed('the successor has died')
    await world.advance(5_000)
    expect(beats()).toBe(5)
  })

  test('hears nothing of a service that does not answer', async () => {
    const { world, manager } = create(10_000, () => new Promise(() => undefined))
    manager.serving(0, 100)
    await world.advance(30_000)
    expect(world.told).toEqual([['READY=1', 'STATUS=generation 0 (pid 100) serves']])
  })

  test('is waited for until it has taken a message in, but not for ever', async () => {
    const { world, warnings, manager } = create()
    world.answer = undefined
    let isTold = false
    const told = manager.moveMainTo(101).then(() => (isTold = true))
    await world.advance(9_999)
    expect(isTold).toBe(false)
    await world.advance(1)
    await told
    expect(world.helpers[0]?.kills).toEqual(['SIGKILL'])
    expect(warnings[0]).toMatch(
      /^Cannot tell the service manager MAINPID=101: systemd-notify did not run/,
    )
  })

  test('that cannot be told is warned about once, and tried again', async () => {
    const { world, warnings, manager } = create()
    world.answer = '127'
    await manager.moveMainTo(101)
    world.helpers[0]?.emit('exit', 1, null)
    world.answer = '0'
    await manager.moveMainTo(102)
    world.spawnError = new Error('EAGAIN')
    world.helpers[1]?.emit('exit', 1, null)
    await manager.moveMainTo(103)
    expect(world.told).toEqual([['MAINPID=101'], ['MAINPID=102']])
    expect(warnings).toEqual([expect.stringContaining('systemd-notify ended with 127')])
  })
})
