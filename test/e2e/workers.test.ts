// Proves what `endless run --workers` promises: several processes serve on one socket, a restart rolls them without
// losing anything, one that dies refuses nobody, and connections move until all have equally many.
import { createLoad } from '@endless/load'
import { expect, test } from 'vitest'
import { connectRaw, freePort, get, startWorkers, until } from '../helpers/index.js'

const deadlineMs = 15_000

test('workers have slots of their own and one socket, and each of them answers', async () => {
  const service = await startWorkers(3)
  const workers = await service.whoAnswers(3)
  expect(workers).toMatchObject([
    { slot: 0, workers: 3, generation: 0 },
    { slot: 1, workers: 3, generation: 0 },
    { slot: 2, workers: 3, generation: 0 },
  ])
  const { generations, supervisor } = await service.status()
  expect(supervisor.workers).toBe(3)
  expect(generations.map(({ slot }) => slot)).toEqual([0, 1, 2])

  service.program.signal('SIGTERM', service.program.pid)
  expect(await service.program.waitForExit({ step: 'it ends', deadlineMs })).toEqual({
    code: 0,
    signal: null,
  })
  expect(service.program.alive).toEqual([])
})

test.each(['by SIGHUP', 'by a command', 'from inside of a worker'])(
  'a restart %s rolls all workers, loses no request and closes no connection',
  async (way) => {
    const service = await startWorkers(3)
    const { program, port } = service
    const load = createLoad({ port, keepAliveConnections: 30, freshPerSecond: 200, settleMs: 300 })
    load.start()
    await until(() => load.snapshot().answered > 100, { step: 'load', deadlineMs })
    load.markRestart()
    if (way === 'by SIGHUP') program.signal('SIGHUP', program.pid)
    else if (way === 'by a command') await service.ask('POST', '/restart')
    else await get(port, '/restart')
    await until(
      async () => {
        const { generations } = await service.status()
        return generations.length === 3 && generations.every(({ number }) => number === 1)
      },
      { step: 'all are new', deadlineMs, explain: () => program.output.toString() },
    )
    await load.settled()
    const { failures, connections } = await load.stop()
    expect(failures).toEqual([])
    expect(connections).toMatchObject({ closedAnnounced: 0, closedUnannounced: 0 })
    expect(await service.whoAnswers(3)).toMatchObject([
      { slot: 0, generation: 1 },
      { slot: 1, generation: 1 },
      { slot: 2, generation: 1 },
    ])
  },
)

test('a release that fails in the last slot leaves all workers on the old version, and the next one rolls', async () => {
  const service = await startWorkers(3)
  const { program, port } = service
  const load = createLoad({ port, keepAliveConnections: 30, freshPerSecond: 200, settleMs: 300 })
  load.start()
  await until(() => load.snapshot().answered > 100, { step: 'load', deadlineMs })
  const before = await service.whoAnswers(3)
  service.release({ broken: 2 })
  load.markRestart()
  expect(await service.ask('POST', '/restart')).toMatchObject({
    error: {
      code: 'ERR_ENDLESS_SUCCESSOR_EXITED',
      message: expect.stringContaining('slot 2: ') as string,
    },
  })
  const after = await service.serving(3)
  expect(after.map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid))
  await load.settled()
  service.release({})
  expect(await service.ask('POST', '/restart')).toMatchObject({ dropped: [] })
  await until(
    async () =>
      (await service.serving(3)).every(({ pid }) => !before.some((each) => each.pid === pid)),
    { step: 'all are new', deadlineMs, explain: () => program.output.toString() },
  )
  const { failures, connections } = await load.stop()
  expect(failures).toEqual([])
  expect(connections).toMatchObject({ closedAnnounced: 0, closedUnannounced: 0 })
})

test('a port that a release adds is served by every worker', async () => {
  const service = await startWorkers(2)
  const free = await freePort()
  service.release({ port: free })
  await service.ask('POST', '/restart')
  const workers = await service.whoAnswers(2, free)
  expect(workers).toMatchObject([
    { slot: 0, generation: 1 },
    { slot: 1, generation: 1 },
  ])
})

test('a worker that is killed is replaced, and nobody is refused', async () => {
  const service = await startWorkers(3)
  const { program, port } = service
  const load = createLoad({ port, keepAliveConnections: 0, freshPerSecond: 300 })
  load.start()
  await until(() => load.snapshot().answered > 50, { step: 'load', deadlineMs })
  for (const slot of [1, 0]) {
    const { generations } = await service.status()
    const victim = generations.find((each) => each.slot === slot)
    program.signal('SIGKILL', victim?.pid)
    await until(
      async () => {
        const told = (await service.status()).generations.filter((each) => each.slot === slot)
        return told.length === 1 && told[0]?.state === 'running' && told[0].pid !== victim?.pid
      },
      { step: 'it is replaced', deadlineMs, explain: () => program.output.toString() },
    )
  }
  const { failures } = await load.stop()
  expect(failures.filter(({ kind }) => kind === 'connect')).toEqual([])
  // What was inside of the two, and nothing of what waited.
  expect(failures.length).toBeLessThanOrEqual(6)
})

test('workers are added and taken away while they serve, and no connection is closed', async () => {
  const service = await startWorkers(3)
  const { program, port } = service
  const load = createLoad({ port, keepAliveConnections: 30, freshPerSecond: 100 })
  load.start()
  await until(() => load.snapshot().answered > 100, { step: 'load', deadlineMs })
  expect(await service.ask('POST', '/scale?workers=1')).toEqual({ workers: 1 })
  expect((await service.serving(1)).map(({ slot }) => slot)).toEqual([0])
  expect(await service.ask('POST', '/scale?workers=2')).toEqual({ workers: 2 })
  expect((await service.serving(2)).map(({ slot }) => slot)).toEqual([0, 1])
  program.signal('SIGTTIN', program.pid)
  await service.serving(3)
  program.signal('SIGTTOU', program.pid)
  await service.serving(2)
  const { failures, connections } = await load.stop()
  expect(failures).toEqual([])
  expect(connections).toMatchObject({ closedAnnounced: 0, closedUnannounced: 0 })
  expect(await service.whoAnswers(2)).toMatchObject([{ workers: 2 }, { workers: 2 }])
})

test('idle connections move until no worker has many more than the others', async () => {
  const service = await startWorkers(2)
  const clients = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const client = await connectRaw(service.port)
      client.request('/')
      await client.waitForResponses(1, { step: 'it is answered', deadlineMs })
      return client
    }),
  )
  let open: number[] = []
  await until(
    async () => {
      const { generations } = await service.status()
      open = generations.map(({ servers }) =>
        servers.reduce((sum, { connections }) => sum + connections.open, 0),
      )
      return Math.max(...open) <= 22
    },
    { step: 'they are even', deadlineMs: 5_000, explain: () => JSON.stringify(open) },
  )
  expect(open.reduce((sum, count) => sum + count, 0)).toBe(40)
  for (const client of clients) client.request('/')
  for (const client of clients) {
    await client.waitForResponses(2, { step: 'it is answered again', deadlineMs })
  }
})
