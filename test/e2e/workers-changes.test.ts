// Proves what becomes of workers while they change: several restart at a time, changes wait for each other, a worker
// that leaves is replaced before it has gone, and one that is too old, too large or blocked is replaced, too.
import { createLoad } from '@endless/load'
import { expect, test } from 'vitest'
import {
  get,
  openGate,
  startWorkers,
  until,
  waitForGate,
  type GateEvent,
  type Workers,
} from '../helpers/index.js'

const deadlineMs = 15_000

/** The gates at which generations with this number wait. */
function gatesOf({ program }: Workers, number: number): GateEvent[] {
  return program.events.filter(
    (event): event is GateEvent => event.event === 'gate' && event['generation'] === number,
  )
}

test('with --parallel the first worker restarts alone, and then so many at a time', async () => {
  const service = await startWorkers(4)
  service.release({ gated: [0, 1, 2, 3] })
  const restarted = service.ask('POST', '/restart?parallel=2')
  const first = await waitForGate(service.program, 1, 'slot 0')
  expect(gatesOf(service, 1)).toHaveLength(1)
  await openGate(first)
  const two = await Promise.all(
    ['slot 1', 'slot 2'].map((name) => waitForGate(service.program, 1, name)),
  )
  expect(gatesOf(service, 1)).toHaveLength(3)
  await openGate(two[0]!)
  await openGate(await waitForGate(service.program, 1, 'slot 3'))
  await openGate(two[1]!)
  expect(await restarted).toMatchObject({ number: 1, dropped: [] })
  await service.untilAllAre(1, 4)
  expect(service.program.stderr).toContain('restarting 4 workers, 2 at a time after the first')
})

test('changes wait for each other: two signals add two workers, and a roll restarts both', async () => {
  const service = await startWorkers(2)
  const { program } = service
  program.signal('SIGTTIN', program.pid)
  await until(async () => (await service.status()).supervisor.workers === 3, {
    step: 'one is added',
    deadlineMs,
  })
  // In the middle of the first change.
  program.signal('SIGTTIN', program.pid)
  // libuv handles signals after all else that has arrived: an answer shows that the next request comes after it.
  await service.status()
  await service.ask('POST', '/restart')
  await service.untilAllAre(1, 4)
})

test('a worker that dies in a roll is replaced at once, and is named if the roll goes back', async () => {
  const service = await startWorkers(4)
  const before = await service.serving(4)
  service.release({ gated: [1], broken: 3 })
  const restarted = service.ask('POST', '/restart')
  const gate = await waitForGate(service.program, 1, 'slot 1')
  const dead = await service.kill(2)
  await until(
    async () => {
      const { generations } = await service.status()
      return generations.some(
        ({ slot, pid, state }) => slot === 2 && pid !== dead && state === 'running',
      )
    },
    { step: 'it is replaced', deadlineMs, explain: () => service.program.output.toString() },
  )
  await openGate(gate)
  const message = expect.stringContaining('slot 3: ') as string
  expect(await restarted).toMatchObject({ error: { message } })
  const after = await service.serving(4)
  const kept = after.filter(({ pid }) => before.some((each) => each.pid === pid))
  expect(kept.map(({ slot }) => slot)).toEqual([0, 1, 3])
  expect(service.program.stderr).toContain(
    'slot 2 keeps the new version: its old process has died meanwhile',
  )
  // A worker that is left alone does not know why the roll went back.
  await service.ask('POST', '/scale?workers=1')
  await service.serving(1)
  expect((await service.status()).lastRestart?.error).toMatchObject({ message })
})

test('a worker that shuts itself down is replaced while it still answers', async () => {
  const service = await startWorkers(2)
  const answer = get(service.port, '/shutdown', { deadlineMs })
  const gate = await waitForGate(service.program, 0, 'shutdown')
  await until(
    async () => {
      const { generations } = await service.status()
      return (
        generations.filter(({ state }) => state === 'running').length === 2 &&
        generations.some(({ pid, state }) => pid === gate.pid && state === 'shutting-down')
      )
    },
    { step: 'it is replaced', deadlineMs, explain: () => service.program.output.toString() },
  )
  await openGate(gate)
  expect((await answer).status).toBe(200)
  await service.serving(2)
})

test('a release whose workers die again and again is told by one of them, for all', async () => {
  const service = await startWorkers(3)
  const { program } = service
  service.release({ dies: true })
  for (const slot of [0, 1, 2]) await service.kill(slot)
  const diesIn = (slot: number): number =>
    program.generations.filter((each) => each['slot'] === slot).length
  await until(() => [0, 1, 2].every((slot) => diesIn(slot) >= 5), {
    step: 'each has died three times',
    deadlineMs,
    explain: () => program.output.toString(),
  })
  const toldIn = (slot: number): number =>
    program.stderr.match(
      new RegExp(
        `slot ${slot}: generation .* exited with code .*: RangeError: dies on purpose`,
        'g',
      ),
    )?.length ?? 0
  expect(toldIn(0)).toBeGreaterThan(1)
  expect(toldIn(1) + toldIn(2)).toBeLessThanOrEqual(3)
  expect(program.stderr).toContain('; 3 workers die of that again and again')
})

test.each([1, 2])('of %i, a worker whose event loop is blocked is replaced', async (count) => {
  const service = await startWorkers(count, { runArgs: ['--max-blocked', '2s'] })
  const { program, port } = service
  const before = await service.serving(count)
  const lost = get(port, '/block').catch(() => undefined)
  await until(
    async () => (await service.status()).generations.some(({ state }) => state === 'unresponsive'),
    { step: 'the status shows it', deadlineMs },
  )
  await until(
    async () => {
      const { generations } = await service.status()
      const isNew = generations.some(({ pid }) => !before.some((each) => each.pid === pid))
      return isNew && generations.every(({ state }) => state === 'running')
    },
    { step: 'it is replaced', deadlineMs, explain: () => program.output.toString() },
  )
  await lost
  const after = await service.serving(count)
  expect(after.filter(({ pid }) => before.some((each) => each.pid === pid))).toHaveLength(count - 1)
  expect(program.stderr).toMatch(
    /generation 0 \(pid \d+\) was ended by SIGKILL: Error: its event loop was blocked for 2 s/,
  )
})

test('a worker that takes too much memory is restarted alone, and loses nothing', async () => {
  const service = await startWorkers(2, { runArgs: ['--max-memory', '150MB'] })
  const { program, port } = service
  const load = createLoad({ port, keepAliveConnections: 10, freshPerSecond: 50 })
  load.start()
  const reason =
    /slot (\d): generation 0 \(pid \d+\) takes \d+ MB of memory, more than 150 MB: restarting it/
  await until(
    async () => {
      await get(port, '/leak')
      return reason.test(program.stderr)
    },
    { step: 'one is too large', deadlineMs, everyMs: 500 },
  )
  const [, large] = reason.exec(program.stderr) ?? []
  await until(
    async () => {
      const told = (await service.serving(2)).map(({ slot, number }) => [String(slot), number])
      return told.every(([slot, number]) => number === (slot === large ? 1 : 0))
    },
    { step: 'it alone is restarted', deadlineMs, explain: () => program.output.toString() },
  )
  const { failures, connections } = await load.stop()
  expect(failures).toEqual([])
  expect(connections).toMatchObject({ closedAnnounced: 0, closedUnannounced: 0 })
})

test('a single process is restarted when it is too old; that it is too large from its start is told once', async () => {
  const service = await startWorkers(1, { runArgs: ['--max-age', '3s', '--max-memory', '10MB'] })
  const { program } = service
  await program.waitForLine(
    /generation 0 \(pid \d+\) takes \d+ MB of memory from its start, more than --max-memory 10 MB/,
    { step: 'it is too large', deadlineMs },
  )
  await program.waitForLine(/generation 0 \(pid \d+\) is \d.* s old: restarting it/, {
    step: 'it is too old',
    deadlineMs,
  })
  await service.untilAllAre(1, 1)
})
