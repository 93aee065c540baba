// Proves what a generation without supervisor answers who asks it by its control socket.
import { beforeEach, describe, expect, test } from 'vitest'
import { createStderrLogger } from '../../src/api/logger.js'
import type { LastRestart, RestartOptions, RestartReport } from '../../src/api/reports.js'
import type { GenerationState, GenerationStatus } from '../../src/api/status.js'
import { Tally } from '../../src/control/tally.js'
import { OwnService, type OwnServiceHost } from '../../src/process/own-service.js'
import { ProcessSettings } from '../../src/process/parts/process-settings.js'
import type { Restart } from '../../src/process/restart.js'
import type { Shutdown } from '../../src/process/shutdown.js'
import type { SignalActions } from '../../src/process/signal-actions.js'
import { FakeSystem } from '../fake-system.js'

const report: RestartReport = { number: 2, pid: 102, durationMs: 1, dropped: [] }
const booting = {
  number: 2,
  pid: 102,
  state: 'booting' as const,
  uptimeMs: 0,
  memoryBytes: null,
  servers: [],
}

let settings: ProcessSettings
let seen: string[]
let lastRestart: LastRestart | null
let generation: { -readonly [name in keyof OwnServiceHost]: OwnServiceHost[name] }
let service: OwnService

const statusOf = (number: number, state: GenerationState): GenerationStatus => ({
  number,
  pid: 100 + number,
  state,
  isOnProbation: false,
  uptimeMs: 0,
  memoryBytes: 0,
  utilization: 0.5,
  servers: [],
  options: [],
  left: [],
  lastRestart,
})

beforeEach(() => {
  settings = new ProcessSettings(createStderrLogger(new FakeSystem()), () => 0)
  seen = []
  lastRestart = null
  generation = {
    number: 1,
    actions: {
      on: async (signal: string) => {
        seen.push(signal)
      },
      restart: async () => {
        seen.push('restart')
        return report
      },
    } as unknown as SignalActions,
    currentRestart: undefined,
    currentShutdown: undefined,
    ownProbation: undefined,
    untilProven: async () => undefined,
    prove: async () => void seen.push('prove'),
    rollback: async (reason) => void seen.push(`rollback: ${reason}`),
    status: () => statusOf(1, 'running'),
    counts: new Tally().counts,
    metrics: () => Promise.resolve(''),
    unresponsive: undefined,
    generations: async (isHammered) => {
      if (isHammered) seen.push('hammer')
      return [statusOf(0, 'shutting-down'), statusOf(1, 'running')]
    },
  }
  service = new OwnService(generation, settings)
})

/** Has a restart under way, or one that has ended. */
function haveRestart(isUnderWay: boolean): void {
  generation.currentRestart = {
    isUnderWay,
    covers: ({ probationMs }: RestartOptions) => probationMs === undefined,
    report: Promise.resolve({ ...report, durationMs: 2 }),
    booting: isUnderWay ? booting : undefined,
    untilServing: async () => {
      seen.push('until it serves')
    },
  } as unknown as Restart
}

function haveHandedOver(): void {
  haveRestart(false)
  lastRestart = { ...report, outcome: 'taken-over', agoMs: 0, error: null }
}

describe('its status', () => {
  test('is that of all that are older, too', async () => {
    expect(await service.status()).toMatchObject({
      pid: 101,
      supervisor: null,
      generations: [{ number: 0 }, { number: 1 }],
    })
  })

  test('has a predecessor that does not answer', async () => {
    generation.unresponsive = { ...booting, number: 0, pid: 100, state: 'unresponsive' }
    generation.generations = () => Promise.resolve([statusOf(1, 'running')])
    const { generations } = await service.status()
    expect(generations.map(({ state }) => state)).toEqual(['unresponsive', 'running'])
    expect(await service.metrics()).toContain('endless_workers{state="unresponsive"} 1\n')
  })

  test('has the one that boots', async () => {
    haveRestart(true)
    const { generations } = await service.status()
    expect(generations.map(({ state }) => state)).toEqual(['shutting-down', 'running', 'booting'])
  })
})

describe('a restart', () => {
  test('is answered when everybody can see that the successor serves', async () => {
    haveRestart(false)
    expect(await service.restart(false, {})).toEqual(report)
    expect(seen).toEqual(['restart', 'until it serves'])
  })

  test('that was asked for before another began is that one', async () => {
    haveRestart(true)
    expect(await service.restart(true, {})).toEqual({ ...report, durationMs: 2 })
    expect(seen).toEqual(['until it serves'])
  })

  test('with a probation is not one without, whenever that began', async () => {
    haveRestart(true)
    expect(await service.restart(true, { probationMs: 60_000 })).toEqual(report)
  })

  test('that was asked for while another is under way is one more', async () => {
    haveRestart(true)
    expect(await service.restart(false, {})).toEqual(report)
  })
})

describe('another process answers in its place', () => {
  test('if that has taken over', async () => {
    haveHandedOver()
    expect(await service.hasMoved()).toBe(true)
    expect(seen).toEqual(['until it serves'])
  })

  test('but not if the last restart was its own start, or has failed', async () => {
    lastRestart = { ...report, number: 1, outcome: 'taken-over', agoMs: 0, error: null }
    expect(await service.hasMoved()).toBe(false)
    lastRestart = { ...lastRestart, number: 2, outcome: 'failed' }
    expect(await service.hasMoved()).toBe(false)
  })
})

describe('a stop', () => {
  test('is a SIGTERM, and tells whether the process exits next', async () => {
    expect(await service.stop()).toBe(true)
    settings.add({ exit: false })
    expect(await service.stop()).toBe(false)
    expect(seen).toEqual(['SIGTERM', 'SIGTERM'])
  })

  test('that comes too late for the successor is refused', async () => {
    haveHandedOver()
    await expect(service.stop()).rejects.toMatchObject({ code: 'ERR_ENDLESS_SHUTTING_DOWN' })
  })
})

test('who waits for the drain waits for the end of the shutdown, or is told why there is none', async () => {
  generation.currentShutdown = { report: Promise.resolve() } as unknown as Shutdown
  expect(await service.drained()).toBe(true)
  const error = new Error('it serves again')
  generation.currentShutdown = { report: Promise.reject(error) } as unknown as Shutdown
  await expect(service.drained()).rejects.toBe(error)
})

test('a hammer tells on which generations it has fallen', async () => {
  expect(await service.hammer()).toEqual([0])
  expect(seen).toEqual(['hammer'])
})
