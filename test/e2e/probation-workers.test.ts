// Proves that with several workers the first one is on probation, that the others follow when that has passed, and that
// a rollback at any time before the end brings all of them back to the old version, without losing anything.
import { expect, test } from 'vitest'
import {
  answersAgain,
  answersMore,
  connectRaw,
  eventOf,
  eventsOf,
  hasExited,
  putLoad,
  startOnProbation,
  type Told,
  until,
} from '../helpers/index.js'

const deadlineMs = 30_000
const how = 'with two workers'
const rolledBack = 'ERR_ENDLESS_ROLLED_BACK'

/** Starts a service, and waits until both workers serve. */
async function start(options?: object) {
  const service = await startOnProbation(how, options)
  const { program, status } = service
  const seen = (told: Told): string =>
    told.generations.map(({ slot, number, state }) => `${slot}:${number} ${state}`).join(', ')
  /** Resolves with the status when it lists these generations. */
  const lists = async (expected: string): Promise<Told['generations']> => {
    let told: Told | undefined
    const isThere = async () => seen((told = await status())) === expected
    const explain = () => `${told ? seen(told) : ''}\n${program.output.toString()}`
    await until(isThere, { step: `the status is ${expected}`, deadlineMs, explain })
    return told!.generations
  }
  const first = await lists('0:0 running, 1:0 running')
  return { ...service, lists, pids: first.map(({ pid }) => pid) }
}

test('the first worker is on probation, the others follow, and all old ones stay until the end', async () => {
  const { program, port, lists, pids, restart } = await start({ probationMs: 1_500 })
  const clients = await putLoad(port)
  const report = await restart()
  expect(report).toMatchObject({ number: 1, probationMs: 1_500 })
  await Promise.all(pids.map((pid) => eventOf(program, 'exit', pid)))
  const names = new Map([
    [report.pid, 'new'],
    [pids[0], 'old'],
    [pids[1], 'other old'],
  ])
  const told = program.events.map(({ event, pid }) => `${names.get(pid) ?? 'other new'} ${event}`)
  expect(program.stderr).toMatch(
    /slot 0 is on probation for 1\.5 s; the other workers follow\n[^]*slot 1\] restarting:/,
  )
  expect(told.indexOf('other new ready')).toBeGreaterThan(told.indexOf('new ready'))
  // Each says it before the supervisor hears of it; the 'ready' of the last new one has no place in that order.
  expect(told).toContain('other old taken-over')
  expect(told.indexOf('old onTerminate')).toBeGreaterThan(told.indexOf('other old taken-over'))
  for (const pid of pids) expect(eventsOf(program, pid)).toContain('proven')
  await lists('0:1 running, 1:1 running')
  await answersMore(clients)
  const { failures, connections } = await clients.stop()
  expect(failures).toEqual([])
  expect(connections).toMatchObject({ closedAnnounced: 0, closedUnannounced: 0 })
})

test('if the old process of the first worker dies, the others wait until the probation has passed', async () => {
  const { program, lists, pids, ask, restart } = await start({ probationMs: -1 })
  const report = await restart()
  await lists('0:0 staying-behind, 0:1 running, 1:0 running')
  program.signal('SIGKILL', pids[0])
  await program.waitForLine(/cannot be rolled back any more/, {
    step: 'the first worker says that it cannot go back',
    deadlineMs,
  })
  await lists('0:1 running, 1:0 running')
  expect(await ask('GET', '/status')).toMatchObject({
    body: { supervisor: { roll: { done: [0], of: 2 } } },
  })
  expect(await ask('POST', '/restart?now&probationMs=0')).toMatchObject({ status: 200 })
  await lists('0:2 running, 1:2 running')
  expect(eventsOf(program, report.pid)).not.toContain('rolled-back')
})

test('a rollback brings the service back to one version, whoever asks for it and whenever', async () => {
  const { program, port, ask, lists, pids, restart, deploy, endless } = await start()
  const clients = await putLoad(port)

  // While the first slot is on probation, and somebody waits until it is proven.
  const proven = ask('POST', '/restart?wait=proven')
  await lists('0:0 staying-behind, 0:1 running, 1:0 running')
  const took = answersAgain(clients, pids[0]!)
  expect(await ask('POST', '/rollback?reason=too%20slow')).toEqual({ status: 200, body: {} })
  expect(await took).toBeLessThan(1_000)
  expect(await proven).toMatchObject({
    status: 500,
    body: {
      error: { code: rolledBack, message: expect.stringContaining(': too slow. ') as string },
    },
  })
  await lists('0:0 running, 1:0 running')
  expect(await ask('POST', '/rollback')).toMatchObject({ status: 409 })

  // While the next slot boots: it must not get the bad version.
  deploy({ ports: 1, bootMs: [0, 60_000] })
  const waits = ask('POST', '/restart?wait=proven&probationMs=1')
  const told = await lists('0:0 staying-behind, 0:1 running, 1:0 restarting, 1:1 booting')
  expect(await endless('rollback')).toMatchObject({ code: 0 })
  expect((await waits).status).toBe(500)
  const booted = told.find(({ state }) => (state as string) === 'booting')
  await program.waitForEnd(booted?.pid ?? 0, { step: 'it ends', deadlineMs })
  const back = await lists('0:0 running, 1:0 running')
  expect(back.map(({ pid }) => pid)).toEqual(pids)

  // By the death of the new version.
  deploy({ ports: 1 })
  const since = program.output.lines.length
  const { pid } = await restart()
  await eventOf(program, 'drain', pids[0]!, since)
  await clients.stop().then(({ failures, connections }) => {
    expect(failures).toEqual([])
    expect(connections).toMatchObject({ closedAnnounced: 0, closedUnannounced: 0 })
  })
  program.signal('SIGKILL', pid)
  await lists('0:0 running, 1:0 running')
  expect((await ask('GET', '/status')).body).toMatchObject({
    lastRestart: { outcome: 'failed', error: { code: rolledBack, signal: 'SIGKILL' } },
  })

  // The next one works.
  await restart('&probationMs=0')
  await lists('0:1 running, 1:1 running')
})

test('a second restart waits, or with --now counts the first worker as proven; a stop ends all', async () => {
  const { program, lists, pids, restart, ask, endless } = await start()
  const first = ask('POST', '/restart?wait=proven')
  const told = await lists('0:0 staying-behind, 0:1 running, 1:0 running')
  expect(told.map(({ isOnProbation }) => isOnProbation)).toEqual([false, true, false])
  const waits = ask('POST', '/restart?wait=ready&probationMs=0')
  const words = ['--now', '--probation', '0ms', '--wait', 'drained']
  expect(await endless('restart', ...words)).toMatchObject({ code: 0 })
  expect(await first).toMatchObject({ status: 200, body: { number: 1 } })
  expect(await waits).toMatchObject({ status: 200, body: { number: 2 } })
  expect(pids.map(hasExited)).toEqual([true, true])
  await restart()
  expect(await endless('stop')).toMatchObject({ code: 0 })
  expect(program.alive).toEqual([])
  expect(program.stderr).not.toContain('keeps the new version')
})

test('a worker that is shut down on probation is replaced while it drains', async () => {
  const { program, port, lists, restart } = await start()
  const { pid } = await restart()
  const [, onProbation] = await lists('0:0 staying-behind, 0:1 running, 1:0 running')
  expect(onProbation?.pid).toBe(pid)
  const clients = await Promise.all(Array.from({ length: 20 }, () => connectRaw(port)))
  for (const client of clients) client.request('/wait')
  await eventOf(program, 'waits', pid)
  program.signal('SIGTERM', pid)
  await lists('0:1 shutting-down, 0:2 running, 1:0 running')
  expect(program.stderr).not.toContain(`(pid ${pid}) has shut down`)
})
