// Proves what a process does when it is asked to restart or to go: with a real server, a clock that
// stands still, and a successor that does what the test says.
import { once } from 'node:events'
import net from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { EndlessError } from '../../src/api/endless-error.js'
import type { EndlessServer } from '../../src/api/endless-server.js'
import { type HookOptions, type HookSignal, hookSignals } from '../../src/api/hooks.js'
import type { EndlessOptions } from '../../src/api/options.js'
import { endless } from '../../src/endless.js'
import { Runtime } from '../../src/process/runtime.js'
import { FakeSystem, settle } from '../fake-system.js'

// The sources have no compiled preload beside them; nothing here runs it.
vi.mock('../../src/launch/preload-file.js', () => ({ preloadFile: () => undefined }))

const runtimeKey = Symbol.for('@endless/core:runtime')

let system: FakeSystem
let generation: Runtime
/** What `generation.on` reports and what hooks add, in the order in which it happens. */
let seen: string[]
const servers: EndlessServer[] = []
const clients: net.Socket[] = []

beforeEach(() => {
  system = new FakeSystem()
  seen = []
  begin()
})

/** Makes a process of the system, as it is now. */
function begin(): void {
  generation = new Runtime(system, undefined)
  ;(globalThis as Record<symbol, unknown>)[runtimeKey] = generation
  generation
    .on('ready', () => seen.push('ready'))
    .on('restarting', ({ number }) => seen.push(`restarting ${String(number)}`))
    .on('restart-failed', ({ code }) => seen.push(`restart-failed ${code}`))
    .on('taken-over', ({ number, pid }) => seen.push(`taken-over ${String(number)} ${String(pid)}`))
    .on('drain', () => seen.push('drain'))
    .on('hammer', ({ destroyed }) => seen.push(`hammer ${String(destroyed)}`))
    .on('terminate', ({ reason }) => seen.push(`terminate ${reason}`))
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  for (const { server } of servers.splice(0)) {
    if (!server.listening) continue
    net.Server.prototype.close.call(server)
    server.closeAllConnections()
  }
  await settle()
})

/** Makes a server that listens, and waits until the process says that it is ready. */
async function serve(options: EndlessOptions = {}): Promise<EndlessServer> {
  const server = endless((_request, response) => response.end('done'), options)
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  await settle()
  return server
}

/** Serves a request that has no end, so that a drain has none. */
async function serveBusily(options: EndlessOptions = {}): Promise<EndlessServer> {
  const server = endless(() => undefined, options)
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const client = net.connect((server.server.address() as net.AddressInfo).port, '127.0.0.1')
  clients.push(client)
  client.on('error', () => undefined) // the hammer may reset it
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(server.server, 'request')
  return server
}

/** Hooks that note themselves, around each signal. */
function notingHooks(): HookOptions {
  const around = (phase: string): Partial<Record<HookSignal, () => void>> =>
    Object.fromEntries(
      hookSignals.map((signal) => [signal, () => void seen.push(`${phase} ${signal}`)]),
    )
  return { before: around('before'), after: around('after') }
}

/** How a promise that may reject has settled; 'pending' if it has not. */
async function outcome(promise: Promise<unknown>): Promise<unknown> {
  let settled: unknown = 'pending'
  promise.then(
    (value) => (settled = value),
    (error: unknown) => (settled = (error as EndlessError).code),
  )
  await settle()
  return settled
}

const sentTypes = (): string[] => system.child.sent.map(({ type }) => type)

describe('a process that begins to serve', () => {
  test('has no predecessor that could go', async () => {
    expect(await outcome(generation.predecessorGone)).toBe(undefined)
  })

  test('is generation 0, and ready once its server listens', async () => {
    expect(generation.state).toBe('init')
    const server = await serve()
    expect(seen).toEqual(['ready'])
    expect(generation.status()).toEqual({
      number: 0,
      pid: 100,
      state: 'running',
      isOnProbation: false,
      uptimeMs: 0,
      memoryBytes: 50_000_000,
      utilization: expect.any(Number) as number,
      servers: [
        {
          address: server.address,
          state: 'running',
          madeBy: 'code',
          connections: { open: 0, idle: 0, busy: 0, upgraded: 0, http2: 0, handshaking: 0 },
          requests: 0,
        },
      ],
      options: [],
      left: [],
      lastRestart: null,
    })
    expect(generation.isSuccessor).toBe(false)
  })

  test('logs where it serves', async () => {
    const { address } = await serve()
    expect(system.lines).toEqual([
      `[endless 100] generation 0 (pid 100) serves ${String(address)}\n`,
    ])
  })

  test('logs that it restarts, and leaves to its successor to say who serves', async () => {
    await serve()
    const restart = generation.restart()
    expect(system.lines.at(-1)).toBe('[endless 100] restarting: starting generation 1\n')
    await system.child.boot()
    await restart
    expect(system.lines.at(-1)).toBe('[endless 100] restarting: starting generation 1\n')
  })

  test('logs that it waits for a successor that takes long, or is stopped', async () => {
    await serve({ exit: false })
    const restart = generation.restart()
    await system.advance(5_000)
    expect(system.lines.at(-1)).toBe(
      '[endless 100] waiting for generation 1 (pid 101) to be ready, at most 55 s\n',
    )
    void generation.shutdown()
    await expect(restart).rejects.toMatchObject({
      code: 'ERR_ENDLESS_SHUTTING_DOWN',
      message: 'Cannot restart: generation 0 (pid 100) is shutting down.',
    })
    expect(system.lines).toContain('[endless 100] restart stopped: the service shuts down\n')
    expect(system.lines.join('')).not.toContain('failed')
  })

  test('logs once that it shuts down, and what the hammer has destroyed', async () => {
    await serveBusily({ hammerTimeMs: 1_000 })
    const shutdown = generation.shutdown()
    void generation.shutdown()
    await system.advance(1_000)
    await shutdown
    expect(system.lines.slice(1)).toEqual([
      '[endless 100] shutting down: 1 connection open, at most 1 s; SIGUSR2 or a second Ctrl-C ends it at once\n',
      '[endless 100] hammer: 1 connection destroyed, after 1 s (hammerTimeMs)\n',
      '[endless 100] generation 0 (pid 100) has shut down after 1 s\n',
    ])
  })

  test('catches no signal before it listens, the six while it does, and none when it has ended', async () => {
    const server = endless(() => undefined)
    expect(system.caught).toEqual([])
    server.listen(0, '127.0.0.1')
    await once(server.server, 'listening')
    expect(system.caught.sort()).toEqual([...hookSignals].sort())
    server.server.close()
    await server.terminated
    expect(system.caught).toEqual([])
  })

  test('is ready when its program says so, with { ready: manual }', async () => {
    await serve({ ready: 'manual' })
    expect([generation.state, seen]).toEqual(['init', []])
    generation.ready()
    expect([generation.state, seen]).toEqual(['running', ['ready']])
  })

  test('waits for the promise of beforeBegin', async () => {
    let end = (): void => undefined
    await serve({ beforeBegin: () => new Promise((resolve) => (end = resolve)) })
    expect(seen).toEqual([])
    end()
    await settle()
    expect(seen).toEqual(['ready'])
  })
})

describe('a restart that succeeds', () => {
  test('starts the successor, hands over, drains and exits', async () => {
    const server = await serve()
    const restart = generation.restart()
    expect(generation.state).toBe('restarting')
    expect(system.spawned).toEqual([
      {
        command: '/usr/bin/node',
        args: ['/srv/app/app.js'],
        options: {
          cwd: '/',
          env: { NODE_ENDLESS: expect.any(String) as string },
          stdio: ['inherit', 'inherit', 'inherit', expect.any(Number), 'ipc'],
        },
      },
    ])
    await system.child.boot()
    expect(await restart).toEqual({ number: 1, pid: 101, durationMs: 0, dropped: [] })
    expect(generation.state).not.toBe('running')
    await server.terminated
    await settle()
    expect(seen.filter((what) => what !== 'drain')).toEqual([
      'ready',
      'restarting 1',
      'taken-over 1 101',
      'terminate handoff',
    ])
    expect([generation.state, system.exits]).toEqual(['terminate', 1])
  })

  test('passes each listening socket by what was asked for and by where it is bound, then welcomes', async () => {
    const server = await serve()
    void generation.restart()
    system.child.say({ type: 'hello', version: 1 })
    await settle()
    expect(system.child.sent).toMatchObject([
      { type: 'listener', asked: 'tcp:127.0.0.1:0', bound: server.server.address() },
      { type: 'welcome', generation: 1, version: 1 },
    ])
    expect(system.child.handles).toHaveLength(1)
    system.child.say({ type: 'ready', adopts: [] })
    await settle()
  })

  test('sends nothing before the successor has said hello', async () => {
    await serve()
    const restart = generation.restart()
    await settle()
    expect(sentTypes()).toEqual([])
    await system.child.boot()
    await restart
  })

  test('accepts until the successor is ready and the hooks before SIGTERM have run', async () => {
    let end = (): void => undefined
    const hook = (): Promise<void> => new Promise((resolve) => (end = resolve))
    const { server } = await serve({ hooks: { before: { SIGTERM: hook } } })
    const restart = generation.restart()
    await settle()
    expect(server.listening).toBe(true)
    await system.child.boot()
    expect(server.listening).toBe(true)
    expect(sentTypes()).not.toContain('taken-over')
    end()
    await restart
    expect(server.listening).toBe(false)
    expect(sentTypes()).toContain('taken-over')
  })

  test('a second restart() meanwhile joins the first', async () => {
    await serve()
    const first = generation.restart()
    expect(generation.restart()).toBe(first)
    await system.child.boot()
    await first
    expect(system.spawned).toHaveLength(1)
  })

  test('runs onTerminate hooks one after the other, after the drain and before the exit', async () => {
    const server = await serveBusily({ hammerTimeMs: 1_000 })
    generation
      .onTerminate(async () => {
        await settle()
        seen.push(`first, ${String(system.exits)} exits`)
      })
      .onTerminate(() => void seen.push('second'))
    const restart = generation.restart()
    await system.child.boot()
    await restart
    expect(seen.at(-1)).toBe('drain')
    await system.advance(1_000)
    await server.terminated
    await settle(20)
    expect(seen.slice(-4)).toEqual(['hammer 1', 'first, 0 exits', 'second', 'terminate handoff'])
    expect(system.exits).toBe(1)
  })

  test('is asked of the successor from then on', async () => {
    await serveBusily()
    const restart = generation.restart()
    await system.child.boot()
    await restart
    expect(await outcome(generation.restart())).toBe('ERR_ENDLESS_SHUTTING_DOWN')
    await system.signal('SIGHUP')
    expect(system.child.signals).toEqual(['SIGHUP'])
    generation.hammer()
  })
})

test('a logger that fails as the successor takes over keeps no process from its end', async () => {
  const fail = (): void => {
    throw new Error('closed')
  }
  await serve({ logger: { info: fail, warn: fail, error: fail } })
  const restart = generation.restart()
  await system.child.boot()
  expect(await outcome(restart)).toMatchObject({ pid: 101 })
  await settle(20)
  expect([seen.at(-1), system.exits]).toEqual(['terminate handoff', 1])
})

describe('a process that is shutting down', () => {
  test('has a successor from the moment of the handoff on, until that one has died', async () => {
    await serveBusily()
    expect(generation.hasSuccessor).toBe(false)
    const restart = generation.restart()
    expect(generation.hasSuccessor).toBe(false)
    generation.on('taken-over', () => seen.push(`hasSuccessor ${String(generation.hasSuccessor)}`))
    await system.child.boot()
    await restart
    expect(seen).toContain('hasSuccessor true')
    expect([generation.state, generation.hasSuccessor]).toEqual(['shutting-down', true])
    system.child.exit(1)
    await settle()
    expect([generation.state, generation.hasSuccessor]).toEqual(['running', false])
  })

  test('has none without a handoff, also while one that booted is being stopped', async () => {
    await serve()
    generation.restart().catch(() => undefined)
    system.child.isObedient = false
    const shutdown = generation.shutdown()
    await settle()
    expect([generation.state, generation.hasSuccessor]).toEqual(['shutting-down', false])
    system.child.exit(null, 'SIGTERM')
    await shutdown
  })

  test('and lives on after it ends the line to its successor, which waits for nothing more', async () => {
    await serveBusily({ exit: false })
    const restart = generation.restart()
    await system.child.boot()
    await restart
    await settle()
    expect(system.child.connected).toBe(true)
    generation.hammer()
    await settle(20)
    expect([generation.state, system.child.connected]).toEqual(['terminate', false])
  })

  test('has none when it serves again after it has handed over', async () => {
    const { server } = await serve({ exit: false })
    const restart = generation.restart()
    await system.child.boot()
    await restart
    await settle()
    expect(generation.state).toBe('terminate')
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    await settle()
    expect([generation.state, generation.hasSuccessor]).toEqual(['running', false])
  })
})

test.each([
  ["a 'taken-over' listener", (shutDown: () => void) => generation.on('taken-over', shutDown)],
  ["a 'drain' listener", (shutDown: () => void) => generation.on('drain', shutDown)],
])('a shutdown asked for in %s joins that of the restart', async (_, listen) => {
  await serveBusily({ hammerTimeMs: 1_000 })
  const ended: Promise<unknown>[] = []
  listen(() => ended.push(generation.shutdown()))
  generation.onTerminate(() => void seen.push('onTerminate'))
  const restart = generation.restart()
  await system.child.boot()
  await restart
  await system.advance(1_000)
  await settle(20)
  expect(await Promise.all(ended)).toEqual([{ reason: 'handoff', durationMs: 1_000, hammered: 1 }])
  expect(seen.filter((what) => what.includes('erminate'))).toEqual([
    'onTerminate',
    'terminate handoff',
  ])
  expect(system.exits).toBe(1)
})

describe("a 'restarting' listener", () => {
  test('may join the restart', async () => {
    await serve()
    const joined: Promise<unknown>[] = []
    generation.on('restarting', () => joined.push(generation.restart()))
    const restart = generation.restart()
    expect(joined).toEqual([restart])
    await system.child.boot()
    expect(await joined[0]).toEqual(await restart)
    expect(system.spawned).toHaveLength(1)
  })

  test('may shut the process down instead: no successor is started, and it exits once', async () => {
    await serve()
    const ended: Promise<unknown>[] = []
    generation.on('restarting', () => ended.push(generation.shutdown()))
    expect(await outcome(generation.restart())).toBe('ERR_ENDLESS_SHUTTING_DOWN')
    expect(await ended[0]).toMatchObject({ reason: 'shutdown' })
    expect([system.spawned, system.exits, generation.state]).toEqual([[], 1, 'terminate'])
  })
})

describe('a shutdown that is asked for while the successor is being told to take over', () => {
  /** Has a restart wait for word that the successor was told, and asks for a shutdown so many times. */
  async function askMeanwhile(times: number): Promise<Promise<unknown>[]> {
    await serveBusily({ hammerTimeMs: 1_000, hooks: notingHooks() })
    generation.restart().catch(() => undefined)
    system.child.say({ type: 'hello', version: 1 })
    await settle()
    system.child.isCorked = true
    system.child.say({ type: 'ready', adopts: [] })
    await settle()
    expect(sentTypes()).toContain('taken-over')
    return Array.from({ length: times }, () => generation.shutdown())
  }

  test.each([1, 2])(
    'and %i times is one although that dies, with all that belongs to it',
    async (times) => {
      const ended = await askMeanwhile(times)
      system.child.exit(1)
      await settle()
      expect([generation.state, generation.isShuttingDown]).toEqual(['shutting-down', true])
      expect(system.caught).not.toEqual([])
      generation.hammer()
      const reports = await Promise.all(ended)
      expect(reports[0]).toEqual({ reason: 'shutdown', durationMs: 0, hammered: 1 })
      expect(seen.slice(-4)).toEqual([
        'restart-failed ERR_ENDLESS_SUCCESSOR_EXITED',
        'drain',
        'hammer 1',
        'terminate shutdown',
      ])
      expect(system.exits).toBe(1)
    },
  )

  test('joins the end that follows if that lives', async () => {
    const ended = await askMeanwhile(2)
    system.child.flush()
    await system.advance(1_000)
    expect(await Promise.all(ended)).toMatchObject([{ reason: 'handoff' }, { reason: 'handoff' }])
    expect(system.exits).toBe(1)
  })
})

describe('a restart that fails', () => {
  const exits: [string, (child: FakeSystem['child']) => void, object][] = [
    [
      'exits with 0',
      (child) => {
        child.exit(0)
      },
      { code: 'ERR_ENDLESS_SUCCESSOR_EXITED', exitCode: 0, signal: null },
    ],
    [
      'exits with 1',
      (child) => {
        child.exit(1)
      },
      { code: 'ERR_ENDLESS_SUCCESSOR_EXITED', exitCode: 1, signal: null },
    ],
    [
      'is killed',
      (child) => {
        child.exit(null, 'SIGKILL')
      },
      { code: 'ERR_ENDLESS_SUCCESSOR_EXITED', exitCode: null, signal: 'SIGKILL' },
    ],
  ]

  test.each(exits)('because the successor %s: this process serves on', async (_, die, expected) => {
    const { server } = await serve()
    const restart = generation.restart()
    restart.catch(() => undefined)
    die(system.child)
    await expect(restart).rejects.toMatchObject({ pid: 101, ...expected })
    expect([generation.state, server.listening, system.exits]).toEqual(['running', true, 0])
    expect(seen).toEqual(['ready', 'restarting 1', 'restart-failed ERR_ENDLESS_SUCCESSOR_EXITED'])
    expect(system.lines.at(-1)).toContain('Restart failed: Generation 1 (pid 101)')
    expect(system.pendingMs).toEqual([])
  })

  test('the reason has the error that the successor reported and the lines that it wrote', async () => {
    await serve()
    const restart = generation.restart()
    restart.catch(() => undefined)
    system.child.say({ type: 'stderr', text: 'connecting\nno data' })
    system.child.say({ type: 'stderr', text: 'base\n' })
    system.child.say({ type: 'error', error: { name: 'TypeError', message: 'x is no function' } })
    system.child.exit(1)
    await expect(restart).rejects.toMatchObject({
      message: expect.stringContaining('exited with code 1') as string,
      stderr: ['connecting', 'no database'],
      cause: { name: 'TypeError', message: 'x is no function' },
    })
  })

  test('because it is not ready in time: the successor is told to stop, and killed if it does not', async () => {
    await serve({ readyTimeoutMs: 5_000 })
    const restart = generation.restart()
    restart.catch(() => undefined)
    system.child.isObedient = false
    await system.advance(4_999)
    expect(system.child.signals).toEqual([])
    await system.advance(1)
    expect(system.child.signals).toEqual(['SIGTERM'])
    await system.advance(10_000)
    expect(system.child.signals).toEqual(['SIGTERM', 'SIGKILL'])
    expect(await outcome(restart)).toBe('ERR_ENDLESS_READY_TIMEOUT')
    expect(generation.state).toBe('running')
  })

  test('because it cannot be started', async () => {
    await serve()
    system.spawnError = Object.assign(new Error('spawn E2BIG'), { code: 'E2BIG' })
    expect(await outcome(generation.restart())).toBe('ERR_ENDLESS_SPAWN_FAILED')
    expect(generation.state).toBe('running')
  })

  test('because there is no such command', async () => {
    await serve()
    const spawn = system.spawn.bind(system)
    system.spawn = (...args) => Object.assign(spawn(...args), { pid: undefined })
    const restart = generation.restart()
    restart.catch(() => undefined)
    system.child.emit('error', Object.assign(new Error('spawn ENOENT'), { code: 'ENOENT' }))
    expect(await outcome(restart)).toBe('ERR_ENDLESS_SPAWN_FAILED')
    expect(generation.state).toBe('running')
  })

  test('outlives signals that the successor may not be sent, each of which is an error event', async () => {
    await serve({ readyTimeoutMs: 1_000 })
    const restart = generation.restart()
    restart.catch(() => undefined)
    const { child } = system
    child.kill = (signal) => {
      child.signals.push(signal)
      return child.emit('error', Object.assign(new Error('kill EPERM'), { code: 'EPERM' }))
    }
    await system.advance(10_000)
    expect(child.signals).toEqual(['SIGTERM', 'SIGKILL'])
    child.exit(0)
    expect(await outcome(restart)).toBe('ERR_ENDLESS_READY_TIMEOUT')
    expect(generation.state).toBe('running')
  })

  test('because the successor dies while the hooks before SIGTERM run', async () => {
    const hang = (): Promise<void> => new Promise(() => undefined)
    const { server } = await serve({ hooks: { before: { SIGTERM: hang } } })
    const restart = generation.restart()
    restart.catch(() => undefined)
    await system.child.boot()
    system.child.exit(1)
    expect(await outcome(restart)).toBe('ERR_ENDLESS_SUCCESSOR_EXITED')
    expect([generation.state, server.listening]).toEqual(['running', true])
  })

  test('does not keep the next one from succeeding', async () => {
    await serve()
    const failed = generation.restart()
    failed.catch(() => undefined)
    system.child.exit(1)
    await expect(failed).rejects.toThrow()
    const restart = generation.restart()
    await system.child.boot()
    expect(await restart).toMatchObject({ number: 1, pid: 102 })
  })
})

describe('a restart is refused', () => {
  test('before anything is served', async () => {
    expect(await outcome(generation.restart())).toBe('ERR_ENDLESS_NOT_RUNNING')
  })

  test('on Windows', async () => {
    system.platform = 'win32'
    await serve()
    expect(await outcome(generation.restart())).toBe('ERR_ENDLESS_UNSUPPORTED_PLATFORM')
  })

  test('in a cluster worker', async () => {
    system.isClusterWorker = true
    await serve()
    expect(await outcome(generation.restart())).toBe('ERR_ENDLESS_UNSUPPORTED')
  })

  test('in a shutdown', async () => {
    await serveBusily()
    void generation.shutdown()
    expect(await outcome(generation.restart())).toBe('ERR_ENDLESS_SHUTTING_DOWN')
    generation.hammer()
  })

  test('and then starts nothing and changes nothing', async () => {
    system.platform = 'win32'
    await serve()
    await outcome(generation.restart())
    expect([generation.state, seen, system.spawned]).toEqual(['running', ['ready'], []])
  })
})

describe('a shutdown', () => {
  test('of one server, as a test suite ends it, does not wait for the connection that fetch keeps', async () => {
    const server = await serve({ idleGraceMs: 0 })
    const { port } = server.server.address() as net.AddressInfo
    expect(await (await fetch(`http://127.0.0.1:${String(port)}`)).text()).toBe('done')
    // The clock stands still.
    expect(await server.shutdown()).toEqual({ reason: 'shutdown', durationMs: 0, hammered: 0 })
  })

  test('drains, then exits; a second call joins', async () => {
    const { server } = await serve()
    const shutdown = generation.shutdown()
    const second = generation.shutdown()
    expect(generation.state).toBe('shutting-down')
    expect(await shutdown).toEqual({ reason: 'shutdown', durationMs: 0, hammered: 0 })
    expect(await second).toEqual(await shutdown)
    expect(server.listening).toBe(false)
    expect(seen).toEqual(['ready', 'drain', 'terminate shutdown'])
    expect(system.exits).toBe(1)
  })

  test('while a successor boots stops the successor first, and the restart fails', async () => {
    const { server } = await serve()
    const restart = generation.restart()
    restart.catch(() => undefined)
    system.child.isObedient = false
    const shutdown = generation.shutdown()
    await settle()
    expect(system.child.signals).toEqual(['SIGTERM'])
    expect(server.listening).toBe(true)
    system.child.exit(null, 'SIGTERM')
    expect(await outcome(restart)).toBe('ERR_ENDLESS_SHUTTING_DOWN')
    expect(await shutdown).toMatchObject({ reason: 'shutdown' })
    expect(sentTypes()).not.toContain('taken-over')
    expect(system.exits).toBe(1)
  })

  test('lets the hammer fall when its time is over', async () => {
    await serveBusily({ hammerTimeMs: 1_000 })
    const shutdown = generation.shutdown()
    await system.advance(999)
    expect(await outcome(shutdown)).toBe('pending')
    await system.advance(1)
    expect(await shutdown).toEqual({ reason: 'shutdown', durationMs: 1_000, hammered: 1 })
    expect(seen).toContain('hammer 1')
  })

  test('with exit: false lives on, catches nothing, and can serve again', async () => {
    const { server } = await serve({ exit: false })
    await generation.shutdown()
    expect([system.exits, system.caught, generation.state]).toEqual([0, [], 'terminate'])
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    await settle()
    expect(generation.state).toBe('running')
  })

  test('with exit: false is asked for again in vain, until something serves', async () => {
    const { server } = await serve({ exit: false })
    generation.onTerminate(() => void seen.push('onTerminate'))
    const report = await generation.shutdown()
    expect(await generation.shutdown()).toEqual(report)
    expect(seen.filter((what) => what === 'onTerminate')).toHaveLength(1)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    await settle()
    await generation.shutdown()
    expect(seen.filter((what) => what === 'onTerminate')).toHaveLength(2)
    expect(system.exits).toBe(0)
  })

  test('of one server alone never exits', async () => {
    const server = await serve()
    await server.shutdown()
    expect([system.exits, generation.state, system.caught]).toEqual([0, 'terminate', []])
  })

  test('an onTerminate hook that never ends is given up after the longest hammer time', async () => {
    await serve({ hammerTimeMs: 3_000 })
    generation.onTerminate(() => new Promise(() => undefined))
    const shutdown = generation.shutdown()
    await system.advance(2_999)
    expect(system.exits).toBe(0)
    await system.advance(1)
    await shutdown
    expect(system.exits).toBe(1)
    expect(system.lines.join('')).toContain('An onTerminate hook has not ended after 3 s')
  })
})

describe('a connection without a request is closed in a shutdown', () => {
  /** Connects, says nothing, and answers how long the drain gives it. */
  async function graceMs(options: EndlessOptions, begin: () => void): Promise<number[]> {
    const { server } = await serve({ hammerTimeMs: -1, ...options })
    const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
    clients.push(client)
    await once(server, 'connection')
    begin()
    await settle()
    const pendingMs = system.pendingMs
    pendingMs.splice(pendingMs.indexOf(5_000), 1) // until the log says what the drain waits for
    return pendingMs
  }
  const shutdown = (): void => void generation.shutdown()

  test('after 5 s by default, as long as Node promises by keepAliveTimeout', async () => {
    expect(await graceMs({}, shutdown)).toEqual([5_000])
  })

  test('after idleGraceMs, where that is given', async () => {
    expect(await graceMs({ idleGraceMs: 700 }, shutdown)).toEqual([700])
  })

  test('at once on Ctrl-C at a terminal', async () => {
    system.terminalIs = 'present'
    expect(await graceMs({}, () => system.process.emit('SIGINT'))).toEqual([])
  })
})

describe('SIGHUP', () => {
  test('restarts, between its hooks', async () => {
    const server = await serve({ hooks: notingHooks() })
    await system.signal('SIGHUP')
    await system.child.boot()
    await server.terminated
    await settle(20)
    const beforeTakeOver = seen.slice(0, seen.indexOf('taken-over 1 101') + 1)
    expect(beforeTakeOver).toEqual([
      'ready',
      'before SIGHUP',
      'restarting 1',
      'before SIGTERM',
      'taken-over 1 101',
    ])
    expect(seen).toContain('after SIGHUP')
    expect(seen).toContain('after SIGTERM')
    expect(system.exits).toBe(1)
  })

  test('runs its hooks after a restart that failed, too', async () => {
    await serve({ hooks: notingHooks() })
    await system.signal('SIGHUP')
    system.child.exit(1)
    await settle(20)
    expect(seen.at(-1)).toBe('after SIGHUP')
  })

  test('any number of times while a successor boots is answered by one more restart', async () => {
    await serve({ hooks: notingHooks() })
    await system.signal('SIGHUP')
    await system.signal('SIGHUP')
    await system.signal('SIGHUP')
    expect(system.spawned).toHaveLength(1)
    system.child.exit(1)
    await settle(20)
    expect(system.spawned).toHaveLength(2)
    system.child.exit(1)
    await settle(20)
    expect(system.spawned).toHaveLength(2)
    expect(seen.filter((what) => what === 'before SIGHUP')).toHaveLength(2)
    expect(generation.state).toBe('running')
  })

  test('that came while a successor booted goes to that successor when it has taken over', async () => {
    await serveBusily()
    await system.signal('SIGHUP')
    await system.signal('SIGHUP')
    await system.child.boot()
    await settle(20)
    expect(system.spawned).toHaveLength(1)
    expect(system.child.signals).toEqual(['SIGHUP'])
    generation.hammer()
  })

  test('shuts down when it means that the terminal has been closed', async () => {
    system.terminalIs = 'gone'
    const server = await serve({ hooks: notingHooks() })
    await system.signal('SIGHUP')
    await server.terminated
    await settle()
    expect(system.spawned).toEqual([])
    expect(seen).toEqual(['ready', 'before SIGHUP', 'drain', 'after SIGHUP', 'terminate shutdown'])
  })

  test('before the process serves is a warning', async () => {
    await serve({ ready: 'manual' })
    await system.signal('SIGHUP')
    expect(system.lines.at(-1)).toContain("this process serves nothing (state 'init')")
    expect(system.spawned).toEqual([])
  })
})

test.each([
  ['in a cluster worker', { isClusterWorker: true }, 'Cannot restart a cluster worker'],
  ['on Windows', { platform: 'win32' as const }, 'Cannot restart on Windows'],
])('SIGHUP %s is a warning', async (_, world, warning) => {
  Object.assign(system, world)
  await serve()
  await system.signal('SIGHUP')
  expect(system.lines.at(-1)).toContain(warning)
})

describe('SIGTERM', () => {
  test('shuts down, between its hooks, the last ones after the drain', async () => {
    const server = await serve({ hooks: notingHooks() })
    generation.onTerminate(() => void seen.push('onTerminate'))
    await system.signal('SIGTERM')
    await server.terminated
    await settle()
    expect(seen).toEqual([
      'ready',
      'before SIGTERM',
      'drain',
      'after SIGTERM',
      'onTerminate',
      'terminate shutdown',
    ])
    expect(system.exits).toBe(1)
  })

  test('goes on accepting for shutdownDelayMs, while the state says otherwise', async () => {
    const { server } = await serve({ shutdownDelayMs: 3_000 })
    await system.signal('SIGTERM')
    await system.advance(2_999)
    expect([generation.state, server.listening]).toEqual(['shutting-down', true])
    await system.advance(1)
    expect(server.listening).toBe(false)
  })

  test('a second one changes nothing', async () => {
    await serveBusily({ hooks: notingHooks() })
    await system.signal('SIGTERM')
    await system.signal('SIGTERM')
    expect(seen.filter((what) => what === 'before SIGTERM')).toHaveLength(1)
    generation.hammer()
  })

  test('a second one while the hooks before it run runs none of them again', async () => {
    let end = (): void => undefined
    const hook = (): Promise<void> => {
      seen.push('before SIGTERM')
      return new Promise((resolve) => (end = resolve))
    }
    await serve({ hooks: { before: { SIGTERM: hook, SIGINT: hook } } })
    await system.signal('SIGTERM')
    await system.signal('SIGTERM')
    await system.signal('SIGINT')
    expect(seen).toEqual(['ready', 'before SIGTERM'])
    end()
    await settle(20)
    expect(seen).toEqual(['ready', 'before SIGTERM', 'drain', 'terminate shutdown'])
  })
})

describe('a hook before a shutdown that hangs', () => {
  const hang = (): Promise<void> => new Promise(() => undefined)

  test('is cut short by a second Ctrl-C, which is the hammer of the drain that follows', async () => {
    await serveBusily({ hooks: { before: { SIGINT: [hang, () => void seen.push('next')] } } })
    await system.signal('SIGINT')
    await system.advance(500)
    await system.signal('SIGINT')
    await settle(20)
    expect(seen).toEqual(['ready', 'drain', 'hammer 1', 'terminate shutdown'])
    expect(system.lines.join('')).toContain('The hook before SIGINT was cut short by the hammer.')
  })

  test('is cut short by SIGUSR2', async () => {
    await serveBusily({ hooks: { before: { SIGTERM: hang } } })
    await system.signal('SIGTERM')
    await system.signal('SIGUSR2')
    await settle(20)
    expect(seen).toEqual(['ready', 'drain', 'hammer 1', 'terminate shutdown'])
  })
})

describe('SIGINT', () => {
  test('shuts down, and 500 ms later hammers', async () => {
    await serveBusily({ hooks: notingHooks() })
    await system.signal('SIGINT')
    expect(seen).toEqual(['ready', 'before SIGINT', 'drain'])
    await system.advance(500)
    await system.signal('SIGINT')
    await settle(20)
    expect(seen.slice(3)).toEqual(['hammer 1', 'after SIGINT', 'terminate shutdown'])
  })

  test('a second one within 500 ms is the echo of npm or a shell', async () => {
    await serveBusily()
    await system.signal('SIGINT')
    await system.advance(499)
    await system.signal('SIGINT')
    expect(seen).not.toContain('hammer 1')
    generation.hammer()
  })

  test('the first one after a SIGTERM does not hammer yet', async () => {
    await serveBusily()
    await system.signal('SIGTERM')
    await system.signal('SIGINT')
    expect(seen).not.toContain('hammer 1')
    generation.hammer()
  })
})

describe('SIGUSR2', () => {
  test('hammers a process that shuts down', async () => {
    await serveBusily({ hooks: notingHooks() })
    void generation.shutdown()
    await settle()
    await system.signal('SIGUSR2')
    expect(seen).toEqual([
      'ready',
      'drain',
      'before SIGUSR2',
      'hammer 1',
      'after SIGUSR2',
      'terminate shutdown',
    ])
  })

  test('cuts shutdownDelayMs short', async () => {
    const server = await serve({ shutdownDelayMs: 60_000 })
    await system.signal('SIGTERM')
    await system.signal('SIGUSR2')
    await server.terminated
    await settle()
    expect(system.exits).toBe(1)
  })

  test('does nothing to one that serves', async () => {
    const { server } = await serve()
    await system.signal('SIGUSR2')
    expect([generation.state, server.listening, seen]).toEqual(['running', true, ['ready']])
  })
})

test.each(['SIGUSR1', 'SIGTSTP'] as const)('%s runs its hooks and nothing else', async (signal) => {
  await serve({ hooks: notingHooks() })
  await system.signal(signal)
  expect(seen).toEqual(['ready', `before ${signal}`, `after ${signal}`])
  expect(generation.state).toBe('running')
})

describe('options of the process', () => {
  test('that two servers give two values for are a conflict', async () => {
    await serve({ readyTimeoutMs: 1 })
    expect(() => endless(() => undefined, { readyTimeoutMs: 2 })).toThrow(
      expect.objectContaining({ code: 'ERR_ENDLESS_OPTION_CONFLICT' }),
    )
  })

  test('are forgotten when the last server has terminated', async () => {
    const server = await serve({ readyTimeoutMs: 1 })
    server.server.close()
    await server.terminated
    expect(() => endless(() => undefined, { readyTimeoutMs: 2 })).not.toThrow()
  })
})

describe('a listener that fails', () => {
  const fail = (): never => {
    throw new Error('no metrics')
  }

  test.each([
    ['throws', fail],
    ['rejects', async () => fail()],
  ])('one that %s is logged, and the next one is called', async (_, listener) => {
    generation.on('ready', listener).on('ready', () => seen.push('after it'))
    await serve()
    expect(seen).toEqual(['ready', 'after it'])
    expect(system.lines.at(-1)).toContain("A listener to 'ready' failed: no metrics; going on.")
  })

  test.each(['restarting', 'taken-over', 'drain', 'hammer', 'terminate'] as const)(
    "to '%s' keeps no restart from its end",
    async (event) => {
      generation.on(event, fail)
      await serveBusily({ hammerTimeMs: 1_000 })
      const restart = generation.restart()
      await system.child.boot()
      expect(await restart).toMatchObject({ number: 1 })
      await system.advance(1_000)
      await settle(20)
      expect([generation.state, system.exits]).toEqual(['terminate', 1])
    },
  )

  test("to 'restart-failed' leaves the reason as it is", async () => {
    generation.on('restart-failed', fail)
    await serve()
    const restart = generation.restart()
    restart.catch(() => undefined)
    system.child.exit(1)
    expect(await outcome(restart)).toBe('ERR_ENDLESS_SUCCESSOR_EXITED')
  })
})
