// Proves what metrics promise: they are of the whole service, whoever is asked; what is counted never falls, whatever
// crashes; a process that is blocked delays no answer; and tracers learn what a process does when they ask for it.
import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  connectRaw,
  fallen,
  get,
  openGate,
  runEndless,
  startFixture,
  superviseFixture,
  temporaryDirectory,
  until,
  type Program,
  type ProgramEvent,
  type Values,
  valuesOf,
  waitForGate,
  type WorkersStatus,
} from '../helpers/index.js'

const deadlineMs = 30_000

interface Service {
  program: Program
  port: number
  control: string
  /** While it exists, each generation that starts dies. */
  release: string
}

type How = 'alone' | 'under a supervisor'

async function start(
  how: How,
  { workers = 1, channels = '' }: { workers?: number; channels?: string } = {},
): Promise<Service> {
  const directory = temporaryDirectory()
  const control = path.join(directory, 'control.sock')
  const release = path.join(directory, 'broken')
  const args = [release, channels]
  const program =
    how === 'alone'
      ? startFixture('tells-its-metrics.mjs', { args: [...args, control] })
      : superviseFixture('tells-its-metrics.mjs', {
          runArgs: ['--control', control, '--workers', String(workers)],
          args,
        })
  const { port } = await program.waitForEvent<ProgramEvent & { port: number }>('listens', {
    step: 'it listens',
    deadlineMs,
  })
  const service = { program, port, control, release }
  await has(service, { 'endless_workers{state="running"}': workers })
  return service
}

/** Asks the control socket. */
async function metricsOf({ control }: Service): Promise<Values> {
  const { status, headers, body } = await get(0, '/metrics', { socketPath: control, deadlineMs })
  expect(status).toBe(200)
  expect(headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
  return valuesOf(body)
}

/** Asks a process of the service on a connection of its own. */
async function metricsFrom({ port }: Service): Promise<Values> {
  return valuesOf((await get(port, '/metrics', { deadlineMs })).body)
}

/** Resolves when the metrics have these values. */
async function has(service: Service, wanted: Values): Promise<Values> {
  let values: Values = {}
  await until(
    async () => {
      // The path leads from one process to the next.
      values = await metricsOf(service).catch(() => ({}))
      return Object.entries(wanted).every(([name, value]) => values[name] === value)
    },
    {
      step: `the metrics are ${JSON.stringify(wanted)}`,
      deadlineMs,
      explain: () => JSON.stringify(values, null, 1) + service.program.output.toString(),
    },
  )
  return values
}

function restart({ control }: Service, query = '') {
  return get(0, `/restart${query}`, { socketPath: control, method: 'POST', deadlineMs })
}

/** Asks on a fresh connection; 0 while nobody answers. */
async function whoServes({ port }: Service): Promise<{ pid: number }> {
  const answer = await get(port).catch(() => undefined)
  return { pid: Number(answer?.headers['x-pid'] ?? 0) }
}

/** Opens connections, each with an answered request, which idle from then on. */
function keepIdle({ port }: Service, count: number) {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const client = await connectRaw(port)
      client.request('/')
      await client.waitForResponses(1, { step: 'it is answered', deadlineMs })
      return client
    }),
  )
}

/** Resolves when the workers are so equally full that none gives to another: a restart then moves all connections. */
async function areEven({ control }: Service): Promise<void> {
  let open: number[] = []
  const isEven = async () => {
    const { body } = await get(0, '/status', { socketPath: control, deadlineMs })
    const { generations } = JSON.parse(body) as WorkersStatus
    open = generations.map(({ servers }) => servers[0]?.connections.open ?? 0)
    return Math.max(...open) - Math.min(...open) <= 2
  }
  await until(isEven, { step: 'they are even', deadlineMs, explain: () => open.join(', ') })
}

/** Takes metrics again and again, until `stop`; that returns which sums have fallen. */
function scrape(service: Service): () => Promise<string[]> {
  const end = new AbortController()
  const scraping = (async () => {
    const found: string[] = []
    let before: Values = {}
    while (!end.signal.aborted) {
      const after = await metricsOf(service).catch(() => before)
      found.push(...fallen(before, after))
      before = after
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    return found
  })()
  onTestFinished(() => end.abort())
  return () => {
    end.abort()
    return scraping
  }
}

describe.each<How>(['alone', 'under a supervisor'])('a service %s', (how) => {
  test('counts on over restarts, failures and crashes, and the process that drains knows as much', async () => {
    const service = await start(how)
    const { program, port, release } = service
    const stop = scrape(service)
    await keepIdle(service, 3)
    const slow = await connectRaw(port)
    slow.request('/wait')
    const request = await waitForGate(program, 0, 'answer')

    expect((await restart(service)).status).toBe(200)
    const counted = {
      'endless_restarts_total{outcome="taken-over"}': 1,
      endless_restart_duration_seconds: 1,
      'endless_connections_moved_total{why="restart"}': 3,
    }
    const values = await has(service, {
      ...counted,
      'endless_generation{slot="0"}': 1,
      'endless_workers{state="running"}': 1,
      'endless_workers{state="shutting-down"}': 1,
      'endless_connections{state="idle"}': 3,
      'endless_connections{state="busy"}': 1,
      endless_requests_in_flight: 1,
    })
    const named = Object.keys(values).filter((name) => name.includes('generation="0"'))
    expect(named).toEqual([
      expect.stringMatching(/^endless_event_loop_utilization{slot="0",generation="0",pid="\d+"}$/),
      expect.stringMatching(/^endless_process_resident_memory_bytes{process="worker",.*}$/),
    ])
    expect(await metricsFrom(service)).toMatchObject(counted)
    const { text } = await program.waitForEvent<ProgramEvent & { text: string }>('metrics', {
      step: 'the predecessor tells the metrics',
      deadlineMs,
    })
    expect(valuesOf(text)).toMatchObject({ 'endless_restarts_total{outcome="taken-over"}': 1 })

    writeFileSync(release, '')
    expect((await restart(service)).status).toBe(500)
    program.signal('SIGKILL', program.current.pid)
    await has(service, {
      'endless_restarts_total{outcome="taken-over"}': 1,
      'endless_restarts_total{outcome="failed"}': 1,
      'endless_generation{slot="0"}': 0,
      'endless_workers{state="running"}': 1,
    })
    await openGate(request)
    const [response] = await slow.waitForResponses(1, { step: 'the drain answers', deadlineMs })
    expect(response?.body).toBe('generation 0')
    expect(await stop()).toEqual([])
  })

  test('counts what is rolled back, and the connections that come back', async () => {
    const service = await start(how)
    await keepIdle(service, 3)
    await get(service.port, '/restart')
    await has(service, { 'endless_connections_moved_total{why="restart"}': 3 })
    await has(service, { 'endless_workers{state="staying-behind"}': 1 })
    await get(service.port, '/rollback')
    await has(service, {
      'endless_restarts_total{outcome="taken-over"}': 1,
      'endless_restarts_total{outcome="rolled-back"}': 1,
      'endless_restarts_total{outcome="failed"}': 0,
      'endless_connections_moved_total{why="rollback"}': 3,
      'endless_generation{slot="0"}': 0,
      'endless_connections{state="idle"}': 3,
    })
  })
})

test('with workers a restart is one, moves have their reasons, and each worker tells the same', async () => {
  const service = await start('under a supervisor', { workers: 2 })
  const { program, control, release } = service
  const stop = scrape(service)
  await keepIdle(service, 30)
  await areEven(service)
  expect((await restart(service)).status).toBe(200)
  writeFileSync(release, '')
  expect((await restart(service)).status).toBe(500)
  rmSync(release)
  // A restart has taken over before all connections have moved.
  await has(service, {
    'endless_restarts_total{outcome="taken-over"}': 1,
    'endless_restarts_total{outcome="failed"}': 1,
    endless_restart_duration_seconds: 1,
    'endless_generation{slot="0"}': 1,
    'endless_generation{slot="1"}': 1,
    'endless_workers{state="running"}': 2,
    'endless_connections{state="idle"}': 30,
    'endless_connections_moved_total{why="restart"}': 30,
  })
  await get(0, '/scale?workers=1', { socketPath: control, method: 'POST', deadlineMs })
  const one = await has(service, {
    'endless_workers{state="running"}': 1,
    'endless_workers{state="shutting-down"}': 0,
  })
  expect(one['endless_connections_moved_total{why="scale"}']).toBeGreaterThan(0)
  const { pid } = await whoServes(service)
  program.signal('SIGKILL', pid)
  await until(async () => (await whoServes(service)).pid !== pid, {
    step: 'it is replaced',
    deadlineMs,
  })
  expect(await metricsFrom(service)).toMatchObject({
    'endless_restarts_total{outcome="taken-over"}': 1,
    'endless_restarts_total{outcome="failed"}': 1,
  })
  expect(await stop()).toEqual([])
})

test('a worker that is blocked delays nobody for long, is counted as such, and has no row', async () => {
  const service = await start('under a supervisor', { workers: 2 })
  const before = await metricsOf(service)
  await get(service.port, '/block?4000')
  const beganMs = performance.now()
  const values = await metricsOf(service)
  expect(performance.now() - beganMs).toBeLessThan(3_500)
  expect(values).toMatchObject({
    'endless_workers{state="unresponsive"}': 1,
    'endless_workers{state="running"}': 1,
  })
  const rows = (given: Values) => Object.keys(given).filter((name) => name.includes('pid='))
  expect(rows(before)).toHaveLength(4)
  expect(rows(values)).toHaveLength(2)
})

test('without a supervisor, a predecessor that is blocked is said, and delays nobody for long', async () => {
  const service = await start('alone')
  const { program, port } = service
  const slow = get(port, '/wait?3000', { deadlineMs })
  const request = await waitForGate(program, 0, 'answer')
  await restart(service)
  await has(service, { 'endless_workers{state="shutting-down"}': 1 })
  await openGate(request)
  const beganMs = performance.now()
  expect(await metricsOf(service)).toMatchObject({
    'endless_workers{state="unresponsive"}': 1,
    'endless_workers{state="running"}': 1,
    'endless_generation{slot="0"}': 1,
  })
  expect(performance.now() - beganMs).toBeLessThan(2_500)
  expect((await slow).body).toBe('generation 0')
})

test('tracers learn of a restart, of a drain, and of each connection that moves', async () => {
  const channels = 'endless.restart,endless.drain,endless.move'
  const service = await start('alone', { channels })
  const { program, release } = service
  const told = (event: string) =>
    program.waitForEvent<ProgramEvent & Record<string, unknown>>(event, { step: event, deadlineMs })
  await keepIdle(service, 1)
  writeFileSync(release, '')
  await restart(service)
  expect(await told('endless.restart start')).toMatchObject({ generation: 0, number: 1 })
  expect(await told('endless.restart asyncEnd')).toMatchObject({
    error: { code: 'ERR_ENDLESS_SUCCESSOR_EXITED' },
  })
  rmSync(release)
  await restart(service)
  const address = `127.0.0.1:${String(service.port)}`
  expect(await told('endless.move start')).toMatchObject({
    generation: 0,
    why: 'restart',
    kind: 'connection',
    address,
  })
  expect(await told('endless.move asyncEnd')).toMatchObject({ result: true })
  expect(await told('endless.drain start')).toMatchObject({
    reason: 'handoff',
    address,
    isServer: true,
  })
  expect(await told('endless.drain asyncEnd')).toMatchObject({
    result: { outcome: 'drained', hammered: 0 },
  })
  const { result } = await program.waitForEvent(
    (event) => event.event === 'endless.restart asyncEnd' && event['result'] !== undefined,
    { step: 'the restart has ended', deadlineMs },
  )
  expect(result).toMatchObject({ number: 1, dropped: [] })
})

test('endless restart says which worker has the new version', async () => {
  const { control } = await start('under a supervisor', { workers: 2 })
  const command = runEndless(['restart', '--control', control])
  expect(await command.waitForExit({ step: 'it has restarted', deadlineMs })).toMatchObject({
    code: 0,
  })
  const lines = command.stderr.split('\n')
  expect(lines.slice(0, 2)).toEqual([
    'restarting 2 workers …',
    'restarting: slot 0 has the new version, 1 of 2 …',
  ])
  expect(command.stdout).toMatch(/2 workers have restarted after \d+ ms/)
})

test('endless status --watch prints a line of JSON each second, and ends with 0 at Ctrl-C', async () => {
  const { control } = await start('under a supervisor', { workers: 2 })
  const command = runEndless(['status', '--watch', '--json', '--control', control])
  await until(() => command.stdout.split('\n').length > 2, {
    step: 'there are two lines',
    deadlineMs,
    explain: () => command.output.toString(),
  })
  command.signal('SIGINT', command.pid)
  expect(await command.waitForExit({ step: 'it ends', deadlineMs })).toEqual({
    code: 0,
    signal: null,
  })
  const [first = ''] = command.stdout.split('\n')
  expect(JSON.parse(first)).toMatchObject({
    supervisor: { workers: 2, roll: null },
    generations: [{ slot: 0 }, { slot: 1 }],
  })
})
