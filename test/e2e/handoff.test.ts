// Proves that a restart loses no request, and that the successor serves only when all of it is ready.
import { createLoad } from '@endless/load'
import { expect, test } from 'vitest'
import { get, openGate, post, startFixture, waitForGate } from '../helpers/index.js'

const deadlineMs = 15_000

test('three restarts in a row under load lose no request, on one port', async () => {
  const program = startFixture('serves.mjs')
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  const load = createLoad({ port, keepAliveConnections: 20, freshPerSecond: 200, settleMs: 300 })
  load.start()
  for (const number of [1, 2, 3]) {
    await expect.poll(() => load.snapshot().answered, { timeout: deadlineMs }).toBeGreaterThan(0)
    load.markRestart()
    program.signal('SIGHUP')
    await program.waitForGeneration(number, { deadlineMs })
    await load.settled()
  }
  const { failures, generations } = await load.stop()
  expect(failures).toEqual([])
  expect(generations.map(({ generation }) => generation)).toEqual([0, 1, 2, 3])
  expect(program.generations.map((each) => each.port)).toEqual([port, port, port, port])
  for (const { pid } of program.generations.slice(0, 3)) {
    await program.waitForEnd(pid, { step: `predecessor ${pid} ends`, deadlineMs })
  }
  expect(await program.waitForExit({ step: 'generation 0 exits', deadlineMs })).toEqual({
    code: 0,
    signal: null,
  })
  expect(program.alive).toEqual([program.current.pid])
})

test('the predecessor answers on every port until the slowest server of the successor has begun', async () => {
  const program = startFixture('serves-several-behind-a-gate.mjs')
  const { ports } = (await program.waitForGeneration(0, { deadlineMs })) as unknown as Ports
  const load = createLoad({ port: ports[0], keepAliveConnections: 5, freshPerSecond: 300 })
  load.start()
  program.signal('SIGHUP')
  const waiting = await waitForGate(program, 1)
  for (const port of [...ports, ...ports, ...ports]) {
    expect((await get(port)).headers['x-generation']).toBe('0')
  }
  const answered = load.snapshot().answered
  await expect
    .poll(() => load.snapshot().answered, { timeout: deadlineMs })
    .toBeGreaterThan(answered + 200)
  expect(load.snapshot().generations.map(({ generation }) => generation)).toEqual([0])
  await openGate(waiting)
  expect(await program.waitForGeneration(1, { deadlineMs })).toMatchObject({ ports })
  for (const port of ports) expect((await get(port)).headers['x-generation']).toBe('1')
  expect((await load.stop()).failures).toEqual([])
})

test('restart() resolves with the number, the pid and the duration once the successor serves', async () => {
  const program = startFixture('serves.mjs')
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  // Two calls at once: the second joins the first.
  await Promise.all([get(port, '/restart'), post(port, '/restart', 'x')])
  const { pid } = await program.waitForGeneration(1, { deadlineMs })
  await program.waitForEnd(program.pid, { step: 'the predecessor exits', deadlineMs })
  const expected = { number: 1, pid, durationMs: expect.any(Number) as number }
  const reports = program.events.filter(({ event }) => event === 'restart-resolved')
  expect(reports).toMatchObject([{ report: expected }, { report: expected }])
  expect(program.events.filter(({ event }) => event === 'taken-over')).toMatchObject([
    { pid: program.pid, report: expected },
  ])
  expect(program.events.filter(({ event }) => event === 'terminate')).toMatchObject([
    { pid: program.pid, report: { reason: 'handoff', hammered: 0 } },
  ])
  expect((await get(port)).headers['x-generation']).toBe('1')
})

test('shutdown() drains, resolves with its report and exits with 0', async () => {
  const program = startFixture('serves.mjs')
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  expect((await get(port, '/shutdown')).headers.connection).toBe('close')
  const exit = await program.waitForExit({ step: 'it exits', deadlineMs })
  expect(exit).toEqual({ code: 0, signal: null })
  const report = { reason: 'shutdown', hammered: 0 }
  for (const name of ['terminate', 'shutdown-resolved']) {
    const reports = program.events.filter(({ event }) => event === name)
    expect(reports, name).toMatchObject([{ report }])
  }
  await expect(get(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

interface Ports {
  ports: [number, number]
}
