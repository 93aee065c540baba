// Proves that no death in a handoff with three generations leaves two that serve, or none: at each event of
// the handoff, each of the three is killed once, while the generation that has reported the event stands
// still.
import { fileURLToPath } from 'node:url'
import {
  checkThatARestartWorks,
  checkThatNothingIsLost,
  checkThatOneServes,
  checkThatStopLeavesNothing,
  checkThatWhatDrainsEnds,
  Clients,
  type Fate,
  Hold,
  settle,
  startService,
  type Service,
  until,
} from '@endless/load'
import { describe, expect, test } from 'vitest'

// Not by the helpers, which end all programs after each test: several tests run at once.
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const program = path('../fixtures/lives-dangerously.mjs')
const endless = path('../../packages/cli/bin/endless.js')

const deadlineMs = 15_000
/**
 * How long a client may wait: the supervisor gives a predecessor three seconds to say that it serves again,
 * and then starts another generation.
 */
const longestMs = 6_000

/** The generations: the first still drains, the second serves, the third boots. */
const names = ['oldest', 'middle', 'newest'] as const

/** What the second and the third report in a handoff, in this order. */
const events: readonly (readonly [generation: 1 | 2, event: string])[] = [
  [1, 'before SIGHUP'],
  [1, 'restarting'],
  [2, 'boot'],
  [2, 'listening'],
  [2, 'beforeBegin'],
  [1, 'before SIGTERM'],
  [1, 'taken-over'],
  [1, 'after SIGHUP'],
  [1, 'drain'],
  [2, 'ready'],
]

const cases = events.flatMap(([generation, event], index) =>
  names
    // There is no third one yet.
    .filter((victim) => victim !== 'newest' || index >= events.findIndex(([, it]) => it === 'boot'))
    .map((victim) => ({ generation, event, victim, who: names[generation] })),
)

describe.each([
  { how: 'alone', supervised: false },
  { how: 'supervised', supervised: true },
])('$how', ({ supervised }) => {
  test('the events are all that a handoff reports', async () => {
    await withThree(supervised, {}, async (service, { restart }) => {
      const since = service.program.events.length
      restart()
      await settle(service)
      const told = service.program.events.slice(since).filter(({ event }) => event !== 'connection')
      const kinds = new Set(told.map(({ generation, event }) => `${String(generation)} ${event}`))
      expect([...kinds].sort()).toEqual(events.map(([number, it]) => `${number} ${it}`).sort())
    })
  })

  test.concurrent.each(cases)(
    'at $event of the $who, a kill -9 of the $victim leaves exactly one that serves',
    async ({ generation, event, victim }) => {
      const fate = { halts: { generation, event } }
      await withThree(supervised, fate, async (service, { restart, hold }) => {
        restart()
        const { pid: halted } = await service.program.waitForEvent(
          (each) => each['generation'] === generation && each.event === event,
          { step: `generation ${generation} reports ${event}`, deadlineMs },
        )
        const pid = service.generations.all[names.indexOf(victim)]!.pid
        service.history.note(`* SIGKILL to the ${victim}, ${service.nameOf(pid)}`)
        service.release({})
        service.kill(pid)
        await service.program.waitForEnd(pid, { step: `the ${victim} ends`, deadlineMs })
        service.signal(halted, 'SIGCONT')
        await settle(service)
        const serving = await checkThatOneServes(service)
        await checkThatARestartWorks(service, serving, 'signal')
        hold.end()
        await checkThatWhatDrainsEnds(service)
      })
    },
    60_000,
  )
})

test('under a supervisor, one that dies before it is known to serve again leaves one that serves', async () => {
  const fate = { halts: { generation: 1, event: 'restart-failed' } }
  await withThree(true, fate, async (service, { restart, hold }) => {
    restart()
    const { pid: newest } = await service.program.waitForGeneration(2, { deadlineMs })
    service.release({})
    service.kill(newest)
    const { pid: middle } = await service.program.waitForEvent(
      (each) => each['generation'] === 1 && each.event === 'restart-failed',
      { step: 'the middle one takes its place back', deadlineMs },
    )
    // It sends copies of its sockets, and only when they have arrived that it serves.
    service.signal(service.supervisor!, 'SIGSTOP')
    const since = service.program.output.lines.length
    service.signal(middle, 'SIGCONT')
    await service.program.waitForEvent(({ pid, event }) => pid === middle && event === 'ready', {
      step: 'the middle one serves again',
      deadlineMs,
      since,
    })
    service.kill(middle)
    await service.program.waitForEnd(middle, { step: 'it ends', deadlineMs })
    service.signal(service.supervisor!, 'SIGCONT')
    await settle(service)
    const serving = await checkThatOneServes(service)
    await checkThatARestartWorks(service, serving, 'signal')
    hold.end()
    await checkThatWhatDrainsEnds(service)
  })
}, 60_000)

/**
 * Starts a service of which the first generation drains and the second serves, under clients that retry
 * nothing. Checks at the end what they saw, and that a stop leaves nothing.
 */
async function withThree(
  supervised: boolean,
  fate: Fate,
  use: (service: Service, tools: { restart: () => void; hold: Hold }) => Promise<void>,
): Promise<void> {
  const service = await startService({ program, endless, supervised })
  const clients = new Clients(service.ports, service.history)
  const losses: { atMs: number; what: string }[] = []
  const restart = () => {
    service.signal(service.pidFor(service.generations.serving!.pid), 'SIGHUP')
  }
  try {
    service.release(fate)
    await service.program.waitForGeneration(0, { deadlineMs })
    const [port = 0] = service.ports
    const onLost = (loss: { what: string }) => losses.push({ ...loss, atMs: service.history.nowMs })
    const hold = new Hold(port, { how: 'stream', forMs: 'ever', onLost })
    await until(() => hold.pid !== undefined, { step: 'the oldest has a request', deadlineMs })
    restart()
    await service.program.waitForGeneration(1, { deadlineMs })
    await settle(service)
    clients.start()
    await use(service, { restart, hold })
    hold.end()
    await clients.stop()
    checkThatNothingIsLost(service, [...losses, ...clients.losses])
    expect(clients.slowestMs).toBeLessThan(longestMs)
    await checkThatStopLeavesNothing(service, 'signal')
  } catch (cause) {
    throw new Error(`${String(cause)}\n${service.history.toString()}`, { cause })
  } finally {
    await service.end()
    await clients.stop()
  }
}
