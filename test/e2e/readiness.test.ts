// Proves who decides when a generation is ready, and what runs after it has been replaced.
import { expect, test } from 'vitest'
import { get, openGate, startFixture, waitForGate } from '../helpers/index.js'

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
  expect(program.stderr).toContain('An onTerminate hook has not ended after 300 ms')
  expect(program.alive).toEqual([program.current.pid])
})
