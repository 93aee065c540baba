// Proves what `endless run --workers` promises: several processes serve on one socket, a restart rolls them without
// losing anything, one that dies refuses nobody, and connections move until all have equally many.
import http from 'node:http'
import path from 'node:path'
import { rmSync, writeFileSync } from 'node:fs'
import { createLoad } from '@endless/load'
import { expect, test } from 'vitest'
import {
  connectRaw,
  get,
  runEndless,
  superviseFixture,
  temporaryDirectory,
  until,
  type Program,
  type ProgramEvent,
} from '../helpers/index.js'

const deadlineMs = 15_000

/** What `GET /status` says. */
interface ServiceStatus {
  supervisor: { workers: number }
  generations: {
    slot: number
    number: number
    pid: number
    state: string
    servers: { connections: { open: number } }[]
  }[]
}

interface Worker {
  pid: number
  generation: number
  slot: number
  workers: number
}

interface Service {
  /** Its first process is the supervisor. */
  program: Program
  port: number
  control: string
  /** Says what is wrong with the next release: `{ "broken": 2 }`. */
  release: string
}

async function start(workers: number): Promise<Service> {
  const directory = temporaryDirectory()
  const control = path.join(directory, 'control.sock')
  const release = path.join(directory, 'release.json')
  const program = superviseFixture('works-in-a-slot.mjs', {
    runArgs: ['--control', control, '--workers', String(workers)],
    args: [release],
  })
  const { port } = await program.waitForEvent<ProgramEvent & { port: number }>('listens', {
    step: 'it listens',
    deadlineMs,
  })
  const service = { program, port, control, release }
  await serving(service, workers)
  return service
}

/** Resolves with the workers that serve, when there are so many. */
async function serving(service: Service, count: number): Promise<ServiceStatus['generations']> {
  let generations: ServiceStatus['generations'] = []
  await until(
    async () => {
      ;({ generations } = await statusOf(service))
      return generations.length === count && generations.every(({ state }) => state === 'running')
    },
    {
      step: `${String(count)} workers serve`,
      deadlineMs,
      explain: () => JSON.stringify(generations) + service.program.output.toString(),
    },
  )
  return generations
}

function statusOf(service: Service): Promise<ServiceStatus> {
  return ask(service, 'GET', '/status') as Promise<ServiceStatus>
}

function ask({ control }: Service, method: string, target: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    http
      .request({ socketPath: control, method, path: target, agent: false }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve(JSON.parse(text)))
      })
      .on('error', reject)
      .end()
  })
}

/** Asks on fresh connections until so many workers have answered. */
async function whoAnswers({ port }: Service, count: number): Promise<Worker[]> {
  const found = new Map<number, Worker>()
  for (let asked = 0; asked < 500 && found.size < count; asked++) {
    const answers = await Promise.all(Array.from({ length: 8 }, () => get(port, '/who')))
    for (const { body } of answers) {
      const worker = JSON.parse(body) as Worker
      found.set(worker.pid, worker)
    }
  }
  return [...found.values()].sort((one, other) => one.slot - other.slot)
}

test('workers have slots of their own and one socket, and each of them answers', async () => {
  const service = await start(3)
  const workers = await whoAnswers(service, 3)
  expect(workers).toMatchObject([
    { slot: 0, workers: 3, generation: 0 },
    { slot: 1, workers: 3, generation: 0 },
    { slot: 2, workers: 3, generation: 0 },
  ])
  const { generations, supervisor } = await statusOf(service)
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
    const service = await start(3)
    const { program, port } = service
    const load = createLoad({ port, keepAliveConnections: 30, freshPerSecond: 200, settleMs: 300 })
    load.start()
    await until(() => load.snapshot().answered > 100, { step: 'load', deadlineMs })
    load.markRestart()
    if (way === 'by SIGHUP') program.signal('SIGHUP', program.pid)
    else if (way === 'by a command') await ask(service, 'POST', '/restart')
    else await get(port, '/restart')
    await until(
      async () => {
        const { generations } = await statusOf(service)
        return generations.length === 3 && generations.every(({ number }) => number === 1)
      },
      { step: 'all are new', deadlineMs, explain: () => program.output.toString() },
    )
    await load.settled()
    const { failures, connections } = await load.stop()
    expect(failures).toEqual([])
    expect(connections).toMatchObject({ closedAnnounced: 0, closedUnannounced: 0 })
    expect(await whoAnswers(service, 3)).toMatchObject([
      { slot: 0, generation: 1 },
      { slot: 1, generation: 1 },
      { slot: 2, generation: 1 },
    ])
  },
)

test('a release that fails in the last slot leaves all workers on the old version, and the next one rolls', async () => {
  const service = await start(3)
  const { program, port, release } = service
  const load = createLoad({ port, keepAliveConnections: 30, freshPerSecond: 200, settleMs: 300 })
  load.start()
  await until(() => load.snapshot().answered > 100, { step: 'load', deadlineMs })
  const before = await whoAnswers(service, 3)
  writeFileSync(release, JSON.stringify({ broken: 2 }))
  load.markRestart()
  expect(await ask(service, 'POST', '/restart')).toMatchObject({
    error: {
      code: 'ERR_ENDLESS_SUCCESSOR_EXITED',
      message: expect.stringContaining('slot 2: ') as string,
    },
  })
  const after = await serving(service, 3)
  expect(after.map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid))
  await load.settled()
  rmSync(release)
  expect(await ask(service, 'POST', '/restart')).toMatchObject({ dropped: [] })
  await until(
    async () =>
      (await serving(service, 3)).every(({ pid }) => !before.some((each) => each.pid === pid)),
    { step: 'all are new', deadlineMs, explain: () => program.output.toString() },
  )
  const { failures, connections } = await load.stop()
  expect(failures).toEqual([])
  expect(connections).toMatchObject({ closedAnnounced: 0, closedUnannounced: 0 })
})

test('a port that a release adds is served by every worker', async () => {
  const service = await start(2)
  const { port: free } = await new Promise<{ port: number }>((resolve) => {
    const server = http.createServer().listen(0, '127.0.0.1', () => {
      const address = server.address() as { port: number }
      server.close(() => resolve(address))
    })
  })
  writeFileSync(service.release, JSON.stringify({ port: free }))
  await ask(service, 'POST', '/restart')
  const workers = await whoAnswers({ ...service, port: free }, 2)
  expect(workers).toMatchObject([
    { slot: 0, generation: 1 },
    { slot: 1, generation: 1 },
  ])
})

test('a worker that is killed is replaced, and nobody is refused', async () => {
  const service = await start(3)
  const { program, port } = service
  const load = createLoad({ port, keepAliveConnections: 0, freshPerSecond: 300 })
  load.start()
  await until(() => load.snapshot().answered > 50, { step: 'load', deadlineMs })
  for (const slot of [1, 0]) {
    const { generations } = await statusOf(service)
    const victim = generations.find((each) => each.slot === slot)
    program.signal('SIGKILL', victim?.pid)
    await until(
      async () => {
        const told = (await statusOf(service)).generations.filter((each) => each.slot === slot)
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
  const service = await start(3)
  const { program, port } = service
  const load = createLoad({ port, keepAliveConnections: 30, freshPerSecond: 100 })
  load.start()
  await until(() => load.snapshot().answered > 100, { step: 'load', deadlineMs })
  expect(await ask(service, 'POST', '/scale?workers=1')).toEqual({ workers: 1 })
  expect((await serving(service, 1)).map(({ slot }) => slot)).toEqual([0])
  expect(await ask(service, 'POST', '/scale?workers=2')).toEqual({ workers: 2 })
  expect((await serving(service, 2)).map(({ slot }) => slot)).toEqual([0, 1])
  program.signal('SIGTTIN', program.pid)
  await serving(service, 3)
  program.signal('SIGTTOU', program.pid)
  await serving(service, 2)
  const { failures, connections } = await load.stop()
  expect(failures).toEqual([])
  expect(connections).toMatchObject({ closedAnnounced: 0, closedUnannounced: 0 })
  expect(await whoAnswers(service, 2)).toMatchObject([{ workers: 2 }, { workers: 2 }])
})

test('idle connections move until no worker has many more than the others', async () => {
  const service = await start(2)
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
      const { generations } = await statusOf(service)
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

test.each([
  ['0', 'use a number from 1 to 1024, or max'],
  ['-1', 'use a number from 1 to 1024, or max'],
  ['1.5', 'use a number from 1 to 1024, or max'],
  ['many', 'use a number from 1 to 1024, or max'],
])('--workers %s is refused with a reason', async (workers, reason) => {
  const program = runEndless(['run', `--workers=${workers}`, 'app.js'])
  expect(await program.waitForExit({ step: 'it is refused', deadlineMs })).toMatchObject({
    code: 2,
  })
  expect(program.stderr).toContain(reason)
})
