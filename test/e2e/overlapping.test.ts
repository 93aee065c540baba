// Proves that restarts, shutdowns and deaths that come at the same time end as one would wish.
import { createLoad } from '@endless/load'
import { expect, test } from 'vitest'
import {
  connectRaw,
  get,
  openGate,
  startAnswering,
  startFixture,
  until,
  waitForGate,
} from '../helpers/index.js'

const deadlineMs = 15_000

test('a predecessor that is killed before its successor listens is replaced by it', async () => {
  const program = startFixture('boots-when-told.mjs')
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGHUP')
  const boot = await waitForGate(program, 1)
  program.signal('SIGKILL', program.pid)
  await program.waitForEnd(program.pid, { step: 'the predecessor ends', deadlineMs })
  // Nobody accepts, and yet nobody is refused: the successor has the socket.
  const answered = get(port)
  await openGate(boot)
  expect((await answered).headers['x-generation']).toBe('1')
  expect(await program.waitForGeneration(1, { deadlineMs })).toMatchObject({ port })
})

test('a predecessor that is killed before its successor is ready is replaced by it at once', async () => {
  const program = startFixture('serves-when-told.mjs')
  await openGate(await waitForGate(program, 0))
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGHUP')
  const ready = await waitForGate(program, 1)
  program.signal('SIGKILL', program.pid)
  await program.waitForEnd(program.pid, { step: 'the predecessor ends', deadlineMs })
  expect((await get(port)).headers['x-generation']).toBe('1')
  await openGate(ready)
  await program.waitForGeneration(1, { deadlineMs })
  program.signal('SIGHUP')
  await openGate(await waitForGate(program, 2))
  await program.waitForGeneration(2, { deadlineMs })
  expect((await get(port)).headers['x-generation']).toBe('2')
})

test('a hundred SIGHUPs in a second under load are a few restarts in a row that lose nothing', async () => {
  const program = startFixture('serves.mjs')
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  const load = createLoad({ port, keepAliveConnections: 10, freshPerSecond: 100 })
  load.start()
  await until(() => load.snapshot().answered > 0, { step: 'the load is answered', deadlineMs })
  let signals = 0
  const storm = setInterval(() => {
    program.signal('SIGHUP')
    if (++signals === 100) clearInterval(storm)
  }, 10)
  await until(() => signals === 100, { step: 'a hundred signals are sent', deadlineMs })
  const isQuiet = () => {
    const began = program.events.filter(({ event }) => event === 'restarting').length
    return program.generations.length === began + 1 && program.alive.length === 1
  }
  // The last predecessor may have passed a signal on right before it went: after two more answers
  // the successor has seen that, and reported what it makes of it.
  const isOver = async () => {
    if (!isQuiet()) return false
    for (let answers = 0; answers < 2; answers++) await get(port)
    return isQuiet()
  }
  await until(isOver, { step: 'every restart has ended', deadlineMs })
  expect((await load.stop()).failures).toEqual([])
  const order = program.events.filter(({ event }) => ['ready', 'restarting'].includes(event))
  const restarts = program.generations.length - 1
  expect(restarts).toBeGreaterThanOrEqual(2)
  expect(restarts).toBeLessThanOrEqual(20)
  expect(order.map(({ event, generation }) => [event, generation])).toEqual(
    program.generations.flatMap((_, number) =>
      number < restarts
        ? [
            ['ready', number],
            ['restarting', number],
          ]
        : [['ready', number]],
    ),
  )
  expect(program.events.filter(({ event }) => event === 'restart-failed')).toEqual([])
})

test('three generations drain at once, and each has a hammer of its own', async () => {
  const hammerTimeMs = 2_000
  const { program, port } = await startAnswering({ options: { hammerTimeMs } })
  for (const number of [0, 1, 2]) {
    const client = await connectRaw(port)
    client.request(`/hold/${number}`)
    await program.waitForEvent(
      ({ event, generation }) => event === 'request' && generation === number,
      { step: `generation ${number} has a request that lasts`, deadlineMs },
    )
    program.signal('SIGHUP')
    await program.waitForGeneration(number + 1, { deadlineMs })
  }
  expect(program.alive).toHaveLength(4)
  for (const number of [0, 1, 2]) {
    const { report } = await program.waitForEvent(
      ({ event, generation }) => event === 'terminate' && generation === number,
      { step: `the hammer falls on generation ${number}`, deadlineMs },
    )
    expect(report).toMatchObject({ reason: 'handoff', hammered: 1 })
    const { durationMs } = report as { durationMs: number }
    expect(durationMs).toBeGreaterThanOrEqual(hammerTimeMs)
    expect(durationMs).toBeLessThan(hammerTimeMs + 1_000)
  }
  const ended = program.events.filter(({ event }) => event === 'terminate')
  expect(ended.map(({ generation }) => generation)).toEqual([0, 1, 2])
  expect((await get(port, '/now/x')).body).toBe('now x')
})

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s while a successor boots ends the successor, then drains and exits with 0',
  async (signal) => {
    const program = startFixture('boots-when-told.mjs')
    const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
    const answered = get(port, '/wait')
    const request = await waitForGate(program, 0, 'answer')
    program.signal('SIGHUP')
    await waitForGate(program, 1)
    program.signal(signal, program.pid)
    const failed = await program.waitForEvent('restart-failed', {
      step: 'the restart is given up',
      deadlineMs,
    })
    expect(failed).toMatchObject({ error: { code: 'ERR_ENDLESS_SHUTTING_DOWN' } })
    await program.waitForEvent('drain', { step: 'it drains', deadlineMs })
    expect(program.events.findIndex(({ event }) => event === 'drain')).toBeGreaterThan(
      program.events.findIndex(({ event }) => event === 'restart-failed'),
    )
    expect(program.alive).toEqual([program.pid])
    await openGate(request)
    expect((await answered).body).toBe('generation 0')
    expect(await program.waitForExit({ step: 'it exits', deadlineMs })).toEqual({
      code: 0,
      signal: null,
    })
    expect(program.alive).toEqual([])
  },
)

test('SIGHUP to a predecessor that drains restarts its successor', async () => {
  const program = startFixture('boots-when-told.mjs')
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  const answered = get(port, '/wait')
  const request = await waitForGate(program, 0, 'answer')
  for (const number of [1, 2]) {
    program.signal('SIGHUP', program.pid)
    await openGate(await waitForGate(program, number))
    await program.waitForGeneration(number, { deadlineMs })
  }
  expect((await get(port)).headers['x-generation']).toBe('2')
  await openGate(request)
  expect((await answered).headers['x-generation']).toBe('0')
  expect(await program.waitForExit({ step: 'it exits', deadlineMs })).toMatchObject({ code: 0 })
})

test('restart() answers the promise of the restart that is under way', async () => {
  const program = startFixture('boots-when-told.mjs')
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  const answered = get(port, '/restart')
  await openGate(await waitForGate(program, 1))
  expect((await answered).headers['x-generation']).toBe('0')
  expect(program.events.find(({ event }) => event === 'asked-twice')).toMatchObject({
    isOnePromise: true,
  })
  expect(program.events.filter(({ event }) => event === 'restarting')).toHaveLength(1)
})

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s to the old process in the moment of a takeover stops the service',
  async (signal) => {
    const program = startFixture('stops-in-a-takeover.mjs', { args: [signal] })
    const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
    program.signal('SIGHUP')
    const { report } = await program.waitForEvent('taken-over', {
      step: 'the successor takes over',
      deadlineMs,
    })
    const { pid } = report as { pid: number }
    await program.waitForEnd(pid, { step: 'the successor ends', deadlineMs })
    await program.waitForEnd(program.pid, { step: 'the old process ends', deadlineMs })
    await expect(get(port)).rejects.toThrow('ECONNREFUSED')
    const ended = program.events.filter(({ event }) => event === 'terminate')
    expect(ended.map(({ pid: each }) => each).sort()).toEqual([program.pid, pid].sort())
  },
)
