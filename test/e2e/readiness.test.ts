// Proves who decides when a generation is ready, and what runs after it has been replaced.
import { describe, expect, test } from 'vitest'
import {
  createCertificate,
  freePort,
  get,
  openGate,
  startFixture,
  superviseFixture,
  waitForGate,
  type Program,
} from '../helpers/index.js'

const deadlineMs = 15_000

test('with ready: manual the predecessor answers until the successor says that it is ready', async () => {
  const program = startFixture('serves-when-told.mjs')
  await openGate(await waitForGate(program, 0))
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGHUP')
  const waiting = await waitForGate(program, 1)
  for (let count = 0; count < 20; count++) {
    expect((await get(port)).headers['x-generation']).toBe('0')
  }
  await openGate(waiting)
  await program.waitForGeneration(1, { deadlineMs })
  expect((await get(port)).headers['x-generation']).toBe('1')
})

test('clean-up runs after the drain and before the exit, which no failing or endless hook prevents', async () => {
  const program = startFixture('cleans-up.mjs')
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGHUP')
  await program.waitForGeneration(1, { deadlineMs })
  const cleaning = await waitForGate(program, 0, 'clean-up')
  expect(program.events.find(({ event }) => event === 'cleaning')).toMatchObject({
    pid: program.pid,
    states: ['shutting-down', false],
  })
  expect((await get(port)).headers['x-generation']).toBe('1')
  await openGate(cleaning)
  await program.waitForEvent('cleaned', { step: 'the last hook has run', deadlineMs })
  expect(await program.waitForExit({ step: 'it exits', deadlineMs })).toMatchObject({ code: 1 })
  expect(program.stderr).toContain('An onTerminate hook failed: the queue is gone')
  expect(program.stderr).toContain('An onTerminate hook has not ended after 2 s')
  expect(program.alive).toEqual([program.current.pid])
})

test.each([
  ['alone', startFixture],
  ['supervised', superviseFixture],
] as const)(
  '%s, a successor learns that its predecessor is gone when that has cleaned up, and no sooner',
  async (_, start) => {
    const program = start('cleans-up.mjs')
    const { pid } = await program.waitForGeneration(0, { deadlineMs })
    await program.waitForEvent('alone', { step: 'the first has no predecessor', deadlineMs })
    program.signal('SIGHUP', program.pid)
    const cleaning = await waitForGate(program, 0, 'clean-up')
    const { port = 0 } = await program.waitForGeneration(1, { deadlineMs })
    expect((await get(port)).headers['x-generation']).toBe('1')
    await openGate(cleaning)
    await program.waitForEvent('predecessor-gone', { step: 'the successor is told', deadlineMs })
    await program.waitForEvent(({ event, generation }) => event === 'alone' && generation === 1, {
      step: 'its promise resolves',
      deadlineMs,
    })
    const ends = /^(cleaned|terminate|exit|predecessor-gone|alone)$/
    expect(
      program.events
        .filter(({ event }) => ends.test(event))
        .map(({ event, generation }) => `${generation as number} ${event}`),
    ).toEqual(['0 alone', '0 cleaned', '0 terminate', '0 exit', '1 predecessor-gone', '1 alone'])
    await program.waitForEnd(pid, { step: 'it has exited', deadlineMs })
  },
)

test('a successor whose predecessor is killed learns that too, and serves', async () => {
  const program = startFixture('cleans-up.mjs')
  await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGHUP')
  await waitForGate(program, 0, 'clean-up') // it stays closed
  await program.waitForGeneration(1, { deadlineMs })
  program.signal('SIGKILL', program.pid)
  await program.waitForEvent('predecessor-gone', { step: 'the successor is told', deadlineMs })
})

test('an uncaught exception ends the process at once, as Node does, and nothing is cleaned up', async () => {
  const program = startFixture('cleans-up.mjs')
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  await get(port, '/throw').catch(() => undefined)
  expect(await program.waitForExit({ step: 'it exits', deadlineMs })).toMatchObject({ code: 1 })
  expect(program.events.map(({ event }) => event)).not.toContain('cleaning')
})

test('a program that shuts down on an uncaught exception drains and cleans up', async () => {
  const program = startFixture('cleans-up.mjs', { args: [JSON.stringify({ handles: true })] })
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  await get(port, '/throw')
  await openGate(await waitForGate(program, 0, 'clean-up'))
  await program.waitForEvent('cleaned', { step: 'the last hook has run', deadlineMs })
  expect(await program.waitForExit({ step: 'it exits', deadlineMs })).toMatchObject({ code: 1 })
})

describe('warmUp', () => {
  const start = async (options: object): Promise<Program> => {
    const program = startFixture('answers-late.mjs', {
      args: [JSON.stringify({ options, port: await freePort() })],
    })
    await program.waitForGeneration(0, { deadlineMs })
    program.signal('SIGHUP')
    return program
  }

  test('a successor asks itself before it is ready, and goes on if a path is not answered', async () => {
    const program = await start({ warmUp: ['/slow', '/health'] })
    const { generation, asked } = await program.waitForEvent('asked', { step: 'asked', deadlineMs })
    expect([generation, asked]).toEqual([1, ['/slow', '127.0.0.1', 'endless-warm-up']])
    await program.waitForLine(
      /The warm-up of .* failed: GET \/health was answered 503; going on\.$/,
      {
        step: 'the failure is logged',
        deadlineMs,
      },
    )
    await program.waitForGeneration(1, { deadlineMs })
  })

  test('a warm-up that is required fails the restart with its reason', async () => {
    const program = await start({ warmUp: ['/health'], requireWarmUp: true })
    await program.waitForLine(
      /Restart failed: .*warm-up of .* failed: GET \/health was answered 503/,
      {
        step: 'the restart fails',
        deadlineMs,
      },
    )
    expect(program.generations).toHaveLength(1)
  })
})

describe('readyProbe', () => {
  const start = async (secure?: object): Promise<{ program: Program; port: number }> => {
    const port = await freePort()
    const options = { readyProbe: '/health' }
    const program = startFixture('answers-late.mjs', {
      args: [JSON.stringify({ options, port, secure })],
    })
    return { program, port }
  }

  test.each(['http', 'https'])(
    '%s: a process is ready only when its server answers below 500',
    async (scheme) => {
      const { program } = await start(scheme === 'https' ? await createCertificate() : undefined)
      for (const number of [0, 1]) {
        if (number > 0) program.signal('SIGHUP')
        const gate = await waitForGate(program, number)
        const { asked } = await program.waitForEvent(
          (event) => event.event === 'asked' && event.generation === number,
          { step: 'it is asked', deadlineMs },
        )
        expect(asked).toEqual(['/health', '127.0.0.1', 'endless-ready-probe'])
        expect(program.generations).toHaveLength(number)
        await openGate(gate)
        await program.waitForGeneration(number, { deadlineMs })
      }
    },
  )
})
