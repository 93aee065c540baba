// Proves that a program which knows nothing of endless restarts without loss: under `endless run`, and with the
// preload `@endless/core/register`.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLoad } from '@endless/load'
import { describe, expect, test } from 'vitest'
import {
  freePort,
  freePorts,
  get,
  installCore,
  isAlive,
  runEndless,
  startFixture,
  startProgram,
  superviseFixture,
  temporaryDirectory,
  type FixtureOptions,
  type Program,
  type ProgramEvent,
} from '../helpers/index.js'

const deadlineMs = 15_000
const register = fileURLToPath(new URL('../../packages/core/dist/register.cjs', import.meta.url))

interface Listening extends ProgramEvent {
  bound: (number | string)[]
  nodeOptions: string | null
  execArgv: string[]
}

/** The ways in which a program without a line of code becomes endless. */
const ways: Record<string, (settings: object, options?: FixtureOptions) => Program> = {
  '--import': (settings, options) =>
    startFixture('knows-nothing.mjs', {
      execArgv: ['--import', register],
      args: [JSON.stringify(settings)],
      ...options,
    }),
  '--require': (settings, options) =>
    startFixture('knows-nothing.mjs', {
      execArgv: ['--require', register],
      args: [JSON.stringify(settings)],
      ...options,
    }),
  NODE_OPTIONS: (settings, options) =>
    startFixture('knows-nothing.mjs', {
      env: { NODE_OPTIONS: `--import ${register}` },
      args: [JSON.stringify(settings)],
      ...options,
    }),
  'endless run': (settings, options) =>
    superviseFixture('knows-nothing.mjs', { args: [JSON.stringify(settings)], ...options }),
}
const start = ways['--import']!

/** Resolves when a further generation says that it listens. */
function listening(program: Program, number = 0): Promise<Listening> {
  let seen = 0
  return program.waitForEvent<Listening>(
    ({ event, isMain }) => event === 'listening' && isMain === true && seen++ === number,
    {
      step: `generation ${number} listens`,
      deadlineMs,
    },
  )
}

function serves(program: Program, number: number): Promise<unknown> {
  return program.waitForLine(new RegExp(`generation ${number} \\(pid \\d+\\) serves`), {
    step: `generation ${number} takes over`,
    deadlineMs,
  })
}

async function restart(program: Program, pid: number, number: number): Promise<Listening> {
  program.signal('SIGHUP', pid)
  await serves(program, number)
  return listening(program, number)
}

describe.each(Object.keys(ways))('%s makes a program endless:', (way) => {
  test('restarts lose no request', async () => {
    const port = await freePort()
    const program = ways[way]!({ listens: [{ target: { port, host: '127.0.0.1' } }] })
    let { pid } = await listening(program)
    const load = createLoad({
      port,
      keepAliveConnections: 10,
      freshPerSecond: 100,
      settleMs: 300,
      calls: [() => ({ name: 'GET', method: 'GET', path: '/' })],
    })
    load.start()
    for (const number of [1, 2, 3]) {
      await expect
        .poll(() => load.snapshot().answered, { timeout: deadlineMs })
        .toBeGreaterThan(number * 50)
      load.markRestart()
      ;({ pid } = await restart(program, way === 'endless run' ? program.pid : pid, number))
      await load.settled()
    }
    expect(await load.stop()).toMatchObject({ failed: 0 })
    expect(isAlive(pid)).toBe(true)
  })
})

test('every server of a program is handed over: HTTP, HTTP/2, raw TCP and Unix, but not one on port 0', async () => {
  const [first, second, third] = await freePorts(3)
  const target = path.join(temporaryDirectory(), 'app.sock')
  const program = start({
    listens: [
      { target: { port: first } },
      { target: { port: second, host: '127.0.0.1' }, kind: 'raw' },
      { target: { port: third }, kind: 'http2' },
      { target: { path: target } },
      { target: { port: 0 } },
    ],
  })
  const before = await listening(program)
  const began = Date.now()
  const after = await restart(program, before.pid, 1)
  // An unclaimed socket would take 10 s.
  expect(Date.now() - began).toBeLessThan(8_000)
  expect(after.bound.slice(0, 4)).toEqual(before.bound.slice(0, 4))
  expect((await get(first!)).body).toBe(String(after.pid))
  expect(existsSync(target)).toBe(true)
  expect(program.stderr).not.toContain('Nothing listens')
})

test('a child that the program forks is not part of the service', async () => {
  const [port, own] = await freePorts(2)
  const program = start({
    listens: [{ target: { port } }],
    child: { listens: [{ target: { port: own } }] },
  })
  const { pid } = await listening(program)
  await get(port!, '/child')
  const child = await listening(program, 1)
  expect(child).toMatchObject({ execArgv: [], nodeOptions: null })
  expect(child.pid).not.toBe(pid)
  // Without endless, SIGHUP ends it.
  program.signal('SIGHUP', child.pid)
  await program.waitForEnd(child.pid, { step: 'the child ends', deadlineMs })
  expect((await get(port!)).body).toBe(String(pid))
})

test.each(Object.keys(ways))(
  '%s: a fixed port of a worker thread refuses every restart at once',
  async (way) => {
    const [port, own] = await freePorts(2)
    const program = ways[way]!({ listens: [{ target: { port } }], thread: own })
    const { pid } = await listening(program)
    await get(port!, '/thread')
    await program.waitForEvent('thread-listening', { step: 'the thread listens', deadlineMs })
    await program.waitForLine(
      /A worker thread listens on port \d+: a restart cannot hand that over/,
      {
        step: 'the log says so',
        deadlineMs,
      },
    )
    program.signal('SIGHUP', way === 'endless run' ? program.pid : pid)
    await program.waitForLine(/Cannot restart: a worker thread listens on port \d+/, {
      step: 'the restart is refused',
      deadlineMs,
    })
    expect((await get(port!)).body).toBe(String(pid))
  },
)

test('a program that makes a server endless itself decides, and its other server is handed over too', async () => {
  const [own, bare] = await freePorts(2)
  const program = superviseFixture('mixes.mjs', { args: [String(own), String(bare)] })
  await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGHUP', program.pid)
  await program.waitForGeneration(1, { deadlineMs })
  await program.waitForLine(/^the hook ran$/, { step: 'its hook runs', deadlineMs })
  for (const port of [own, bare]) expect((await get(port!)).headers['x-generation']).toBe('1')
  // As documented for a program that uses core: the listener is not held back.
  expect(program.stderr).toContain('Another listener to SIGTERM is in this process')
})

test('register of one copy of core and a program that imports another are one generation, and lose no request', async () => {
  const [own, bare] = await freePorts(2)
  const copy = path.join(installCore(temporaryDirectory(), 'copy'), 'dist/register.cjs')
  const program = startFixture('mixes.mjs', {
    execArgv: ['--import', copy],
    args: [String(own), String(bare)],
  })
  let { pid } = await program.waitForGeneration(0, { deadlineMs })
  const loads = [own, bare].map((port) =>
    createLoad({ port: port!, keepAliveConnections: 3, freshPerSecond: 30, settleMs: 300 }),
  )
  for (const load of loads) load.start()
  for (const number of [1, 2]) {
    for (const load of loads) {
      const { answered } = load.snapshot()
      await expect
        .poll(() => load.snapshot().answered, { timeout: deadlineMs })
        .toBeGreaterThan(answered + 30)
      load.markRestart()
    }
    program.signal('SIGHUP', pid)
    ;({ pid } = await program.waitForGeneration(number, { deadlineMs }))
    for (const load of loads) await load.settled()
  }
  for (const load of loads) expect(await load.stop()).toMatchObject({ failed: 0 })
  for (const port of [own, bare]) expect((await get(port!)).headers['x-pid']).toBe(String(pid))
  expect(program.stderr.match(/restarting: starting generation/g)).toHaveLength(2)
})

test('a cluster is left alone', async () => {
  const port = await freePort()
  const program = startFixture('runs-a-cluster.mjs', {
    execArgv: ['--import', register],
    args: [String(port)],
  })
  const { pid } = await listening(program)
  expect((await get(port)).body).toBe(String(pid))
  expect(program.stderr).toBe('')
  program.signal('SIGHUP', program.pid)
  const exit = await program.waitForExit({ step: 'the primary ends', deadlineMs })
  expect(exit).toEqual({ code: null, signal: 'SIGHUP' })
})

test('endless run says so when a program listens on nothing that a restart could hand over', async () => {
  const control = path.join(temporaryDirectory(), 'control.sock')
  const program = superviseFixture('knows-nothing.mjs', {
    runArgs: ['--control', control],
    args: [JSON.stringify({ listens: [{ target: { port: 0 } }] })],
  })
  await listening(program)
  const restart = runEndless(['restart', '--control', control])
  expect(await restart.waitForExit({ step: 'it is refused', deadlineMs })).toMatchObject({
    code: 1,
  })
  expect(restart.stderr).toMatch(
    /If it never listens on a fixed port or path, it cannot be restarted/,
  )
  await program.waitForLine(/has not listened on a fixed port or path for 10 s: until it does/, {
    step: 'the log says so',
    deadlineMs,
  })
})

test('a program that never listens loads nothing of core', async () => {
  const directory = temporaryDirectory()
  installCore(directory)
  const program = startProgram({
    args: [
      '--import',
      '@endless/core/register',
      '-e',
      'console.log(JSON.stringify({ event: "seen", pid: process.pid, keys: Object.getOwnPropertySymbols(globalThis).map(String), sockets: process.listenerCount("SIGHUP") }))',
    ],
    cwd: directory,
  })
  const seen = await program.waitForEvent('seen', { step: 'it runs', deadlineMs })
  expect(seen['keys']).not.toContain('Symbol(@endless/core:runtime)')
  expect(seen['sockets']).toBe(0)
})

describe('signal listeners of the program', () => {
  const held = async (
    signals: object,
  ): Promise<{ program: Program; pid: number; port: number }> => {
    const port = await freePort()
    const program = start({ listens: [{ target: { port } }], signals })
    const { pid } = await listening(program)
    return { program, pid, port }
  }

  test.each([
    ['that close the server and exit', 'close', 'closed'],
    ['that return a promise and end by the signal', 'promise', 'cleaned'],
  ])('%s are not called on a restart, but once after the drain', async (_, way, done) => {
    const { program, pid, port } = await held({
      early: [['SIGHUP', way]],
      late: [
        ['SIGTERM', way],
        ['SIGINT', way, 'once'],
      ],
    })
    const load = createLoad({
      port,
      keepAliveConnections: 10,
      freshPerSecond: 100,
      settleMs: 300,
      calls: [() => ({ name: 'GET', method: 'GET', path: '/' })],
    })
    load.start()
    await expect.poll(() => load.snapshot().answered, { timeout: deadlineMs }).toBeGreaterThan(50)
    load.markRestart()
    const next = await restart(program, pid, 1)
    await load.settled()
    expect(await load.stop()).toMatchObject({ failed: 0 })
    await program.waitForEnd(pid, { step: 'the predecessor ends', deadlineMs })
    const told = program.events.filter((event) => event.pid === pid && event.event !== 'listening')
    expect(told.map(({ event, signal, error }) => [event, signal, error])).toEqual([
      ['signal', 'SIGTERM', undefined],
      [done, 'SIGTERM', undefined],
    ])
    expect(isAlive(next.pid)).toBe(true)
  })

  test('are called once a SIGTERM has drained, and what they await is awaited', async () => {
    const { program, pid, port } = await held({ late: [['SIGTERM', 'close']] })
    const slow = get(port, '/slow')
    await get(port)
    program.signal('SIGTERM', pid)
    expect((await slow).body).toBe('late')
    expect(await program.waitForExit({ step: 'it ends', deadlineMs })).toEqual({
      code: 0,
      signal: null,
    })
    const told = program.events.filter(({ event }) => event !== 'listening')
    expect(told.map(({ event }) => event)).toEqual(['signal', 'closed'])
  })

  test('that exit with the code of their signal, as in Next, are no failure of a restart, and give the exit code', async () => {
    const port = await freePort()
    const settings = { listens: [{ target: { port } }], signals: { late: [['SIGTERM', 'code']] } }
    const program = ways['endless run']!(settings)
    const { pid } = await listening(program)
    await restart(program, program.pid, 1)
    await program.waitForEnd(pid, { step: 'the predecessor ends', deadlineMs })
    program.signal('SIGTERM', program.pid)
    expect(await program.waitForExit({ step: 'it ends', deadlineMs })).toEqual({
      code: 143,
      signal: null,
    })
    expect(program.stderr).not.toContain('exited with code')
  })

  test('that only log do not keep a process that has nothing left to do', async () => {
    const { program, pid } = await held({ late: [['SIGINT', 'log']] })
    const began = Date.now()
    program.signal('SIGTERM', pid)
    expect(await program.waitForExit({ step: 'it ends', deadlineMs })).toEqual({
      code: 0,
      signal: null,
    })
    expect(program.events.map(({ event }) => event)).toEqual(['listening', 'signal'])
    expect(Date.now() - began).toBeLessThan(8_000)
  })
})
