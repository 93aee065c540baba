// Proves how a process ends, whatever it ends for: without a server, and beside a restart that does what
// the test says. What a shutdown makes of servers is in generation.test.ts.
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { EndlessError } from '../../src/api/endless-error.js'
import type { RestartReport } from '../../src/api/reports.js'
import type { Successor } from '../../src/handoff/successor.js'
import type { OwnServiceHost } from '../../src/process/own-service.js'
import type { Parts } from '../../src/process/parts/parts.js'
import type { Restart } from '../../src/process/restart.js'
import { createParts } from '../../src/process/runtime.js'
import { Returning } from '../../src/process/returning.js'
import { Shutdown } from '../../src/process/shutdown.js'
import type { ManagedServer } from '../../src/server/managed-server.js'
import { FakeSystem, settle } from '../fake-system.js'

// The sources have no compiled preload beside them; nothing here runs it.
vi.mock('../../src/launch/preload-file.js', () => ({ preloadFile: () => undefined }))

const asked = { reason: 'shutdown', isInteractive: false } as const
const report: RestartReport = { number: 1, pid: 101, durationMs: 1, dropped: [] }
const lost = new EndlessError('ERR_ENDLESS_SUCCESSOR_EXITED', 'It has died.')

let system: FakeSystem
let parts: Parts
let seen: string[]
let shutdown: Shutdown
let restart: Restart | undefined
let terminateHooks: (() => unknown)[]
/** How the restart that is under way ends. */
let ends: { well(): void; badly(): void }

beforeEach(() => {
  system = new FakeSystem()
  const generation = {} as OwnServiceHost
  parts = createParts(system, undefined, generation)
  seen = []
  restart = undefined
  terminateHooks = [() => seen.push('clean-up')]
  parts.events.on('terminate', ({ reason }) => seen.push(`terminate ${reason}`))
  shutdown = new Shutdown(parts, {
    restart: () => restart,
    returning: new Returning(system),
    terminateHooks,
    callHeld: () => [],
    outlived: () => seen.push('outlived'),
  })
})

/** Has a server whose drain fails, or one that has a fine one. */
function addServer(name: string, failure?: Error): void {
  const socket = { destroy: () => seen.push(`${name}: destroyed`) }
  parts.servers.add({
    hammerTimeMs: 5_000,
    connections: {
      accepted: new Set([socket]),
      speaking: new Set(),
      sessions: new Map(),
      handshaking: [],
      upgraded: [],
    },
    drain: () => {
      seen.push(`${name}: drain`)
      if (failure) throw failure
    },
    drained: () => Promise.resolve(),
    strike: () => undefined,
    terminate: () => Promise.resolve({ ...asked, durationMs: 0, hammered: 0 }),
    hooks: { registered: [] },
  } as unknown as ManagedServer)
}

/** Has a restart under way. */
function beginRestart(): void {
  const successor = { pid: 101, closeEscrow: () => seen.push('close escrow') }
  const settled = new Promise<RestartReport>((resolve, reject) => {
    ends = {
      well: () => {
        resolve(report)
      },
      badly: () => {
        reject(new Error('stopped'))
      },
    }
  })
  restart = {
    isUnderWay: true,
    report: settled,
    successor: successor as unknown as Successor,
    abort: () => seen.push('abort'),
    untilServing: async () => {
      await settle()
      seen.push('successor serves')
    },
  } as unknown as Restart
}

describe('asked for', () => {
  test('it cleans up, and exits', async () => {
    const ended = shutdown.ask(asked, 0)
    expect(parts.lifecycle.state).toBe('shutting-down')
    expect(await ended).toEqual({ reason: 'shutdown', durationMs: 0, hammered: 0 })
    expect(seen).toEqual(['clean-up', 'terminate shutdown'])
    expect([system.exits, system.exitCode, parts.lifecycle.state]).toEqual([1, 0, 'terminate'])
  })

  test.each([
    ['throws', () => Promise.reject(new Error('thrown on purpose'))],
    ['does not end in time', () => new Promise(() => undefined)],
  ])(
    'a clean-up that %s leaves the others their turn, and the exit code says so',
    async (_, hook) => {
      addServer('a')
      terminateHooks.unshift(hook)
      const ended = shutdown.ask(asked, 0)
      await system.advance(5_000)
      await ended
      expect(seen.slice(-2)).toEqual(['clean-up', 'terminate shutdown'])
      expect([system.exits, system.exitCode]).toEqual([1, 1])
    },
  )

  test('the hammer cuts the hooks after the drain and the clean-up short, once each', async () => {
    addServer('a')
    const [server] = parts.servers
    const hang = () => new Promise(() => undefined)
    server!.hooks.registered.push({ phase: 'after', signal: 'SIGTERM', hook: hang, order: 0 })
    terminateHooks.unshift(() => {
      seen.push('hangs')
      return hang()
    })
    void shutdown.ask(asked, 0, 'SIGTERM')
    await settle(20)
    expect(seen).toEqual(['a: drain'])
    shutdown.hammer()
    await settle(20)
    expect(seen).toEqual(['a: drain', 'hangs'])
    shutdown.hammer()
    await settle(20)
    // What the hammer cuts short is the last that is waited for.
    expect(seen).toEqual(['a: drain', 'hangs', 'terminate shutdown'])
    expect([system.exits, system.exitCode, system.pendingMs]).toEqual([1, 1, []])
    expect(system.lines.join('')).toMatch(
      /The hook after SIGTERM was cut short by the hammer\.[^]*An onTerminate hook was cut short/,
    )
  })

  test('a hammer that falls before the clean-up does not cut it short', async () => {
    addServer('a')
    void shutdown.ask(asked, 0)
    shutdown.hammer()
    await settle(20)
    expect([seen, system.exitCode]).toEqual([['a: drain', 'clean-up', 'terminate shutdown'], 0])
  })

  test('with { exit: false } the process outlives it', async () => {
    parts.settings.add({ exit: false })
    await shutdown.ask(asked, 0)
    expect([seen.at(-1), system.exits]).toEqual(['outlived', 0])
  })

  test('twice it is one', async () => {
    expect(await shutdown.ask(asked, 0)).toBe(await shutdown.ask(asked, 0))
    expect(seen.filter((what) => what === 'clean-up')).toHaveLength(1)
  })

  test('with a delay it takes that long, unless the hammer falls', async () => {
    void shutdown.ask(asked, 3_000)
    await system.advance(2_999)
    expect(seen).toEqual([])
    shutdown.hammer()
    await settle()
    expect([seen.at(-1), system.pendingMs]).toEqual(['terminate shutdown', []])
  })

  test('a hammer that fell before the delay leaves none', async () => {
    beginRestart()
    void shutdown.ask(asked, 3_000)
    shutdown.hammer()
    ends.badly()
    await settle()
    expect(seen.at(-1)).toBe('terminate shutdown')
  })

  test('while a successor boots it waits until that has been stopped', async () => {
    beginRestart()
    void shutdown.ask(asked, 0)
    await settle()
    expect(seen).toEqual(['abort'])
    ends.badly()
    await settle()
    expect(seen).toEqual(['abort', 'close escrow', 'clean-up', 'terminate shutdown'])
  })

  test('too late for that it joins the end that follows the restart', async () => {
    beginRestart()
    const ended = shutdown.ask(asked, 0)
    shutdown.follow()
    ends.well()
    expect(await ended).toMatchObject({ reason: 'handoff' })
    expect(seen.filter((what) => what === 'clean-up')).toHaveLength(1)
  })
})

describe('after a restart', () => {
  beforeEach(beginRestart)

  test('it waits until everybody can see that the successor serves', async () => {
    shutdown.follow()
    expect(await shutdown.report).toMatchObject({ reason: 'handoff' })
    expect(seen).toEqual(['successor serves', 'close escrow', 'clean-up', 'terminate handoff'])
  })

  test('it does so under a supervisor too: a successor may have died since it was ready', async () => {
    Object.assign(parts.ancestry, { supervisor: {} })
    shutdown.follow()
    expect(await shutdown.report).toMatchObject({ reason: 'handoff' })
    expect(seen[0]).toBe('successor serves')
  })

  test('it is broken off when the successor has died, and nothing is cleaned up', async () => {
    shutdown.follow()
    const { report } = shutdown
    shutdown.breakOff(lost)
    await expect(report).rejects.toBe(lost)
    await settle(20)
    expect([seen, shutdown.report, system.exits]).toEqual([['successor serves'], undefined, 0])
  })

  test('a drain that fails is logged, and the process ends when the hammer time is over', async () => {
    addServer('a', new Error('thrown on purpose'))
    addServer('b')
    shutdown.follow()
    await system.advance(4_999)
    expect(seen).toEqual(['a: drain', 'b: drain'])
    expect(system.lines.join('')).toContain('The drain failed: thrown on purpose')
    await system.advance(1)
    expect(seen.slice(2)).toEqual([
      'a: destroyed',
      'b: destroyed',
      'close escrow',
      'clean-up',
      'terminate handoff',
    ])
    expect(system.exits).toBe(1)
  })

  test('a drain that fails ends at once when the hammer falls', async () => {
    addServer('a', new Error('thrown on purpose'))
    shutdown.follow()
    await settle()
    shutdown.hammer()
    await settle()
    expect([seen.at(-1), system.exits, system.pendingMs]).toEqual(['terminate handoff', 1, []])
  })

  test('a drain that fails destroys nothing if this process takes over again', async () => {
    addServer('a', new Error('thrown on purpose'))
    shutdown.follow()
    await settle()
    shutdown.breakOff(lost)
    await system.advance(10_000)
    expect([seen, system.exits, system.pendingMs]).toEqual([['a: drain'], 0, []])
  })

  test('what fails later is logged, and the process exits all the same', async () => {
    addServer('a')
    const [server] = parts.servers
    Object.assign(server!, { terminate: () => Promise.reject(new Error('thrown on purpose')) })
    shutdown.follow()
    await settle(20)
    expect(system.lines.join('')).toContain('The shutdown failed: thrown on purpose')
    expect(system.exits).toBe(1)
  })

  test('whoever asks for it too means that this process serves no more', async () => {
    shutdown.follow()
    Object.assign(restart!, { isUnderWay: false })
    const ended = shutdown.ask(asked, 0)
    expect(seen).toEqual(['close escrow'])
    expect(await ended).toMatchObject({ reason: 'handoff' })
  })
})
