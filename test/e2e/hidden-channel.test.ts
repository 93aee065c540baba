// Proves that an application in a successor sees nothing of how it was started, and obeys nobody else.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import {
  get,
  installCore,
  startFixture,
  temporaryDirectory,
  withDeadline,
} from '../helpers/index.js'

const deadlineMs = 15_000

test('a successor, its children and its threads look as in generation 0, also without the predecessor', async () => {
  const program = startFixture('looks-for-the-channel.mjs', {
    execArgv: ['--no-warnings'],
    env: { NODE_OPTIONS: '--max-http-header-size=20000' },
  })
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  for (const number of [1, 2]) {
    program.signal('SIGHUP')
    await program.waitForGeneration(number, { deadlineMs })
    await program.waitForEnd(program.generations.at(-2)!.pid, {
      step: 'the predecessor exits',
      deadlineMs,
    })
    program.events.push({
      event: 'found',
      pid: 0,
      found: JSON.parse((await get(port, '/look')).body) as unknown,
    })
  }
  const looks = program.events.filter(({ event }) => event === 'found').map(({ found }) => found)
  expect(looks).toHaveLength(5)
  expect(looks[0]).toMatchObject({
    channel: [],
    events: [],
    own: { execArgv: ['--no-warnings'], nodeOptions: '--max-http-header-size=20000' },
    worker: { symbols: [] },
  })
  for (const look of looks) expect(look).toEqual(looks[0])
})

test('variables that somebody sets by hand are not obeyed', async () => {
  const program = startFixture('serves.mjs', {
    env: {
      ENDLESS: '1',
      ENDLESS_CONTINUE: '1',
      ENDLESS_GENERATION: '7',
      ENDLESS_FD: '3',
      ENDLESS_PARENT: String(process.pid),
      ENDLESS_SOCKET_ORDER: ':4242',
      NODE_ENDLESS: '1',
    },
  })
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  expect((await get(port)).headers['x-generation']).toBe('0')
  program.signal('SIGHUP')
  await program.waitForGeneration(1, { deadlineMs })
  expect((await get(port)).headers['x-generation']).toBe('1')
})

test.each([
  ['without the preload', undefined],
  ['with a preload that names another parent', 1],
])('messages of a parent that is no predecessor are not obeyed, %s', async (_, parent) => {
  const fixture = fileURLToPath(new URL('../fixtures/waits-for-messages.mjs', import.meta.url))
  const preload = import.meta.resolve('@endless/core').replace(/index\.js$/, 'launch/preload.js')
  expect(readFileSync(new URL(preload), 'utf8')).toContain('process.ppid')
  const child = fork(fixture, {
    execArgv: parent === undefined ? [] : ['--import', `${preload}#${parent}`],
    stdio: 'ignore',
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const step = { step: 'the child answers', deadlineMs }
  const [first] = (await withDeadline(once(child, 'message'), step)) as [unknown]
  expect(first).toEqual({ said: 'hello', number: 0, isSuccessor: false })
  for (const type of ['listener', 'welcome', 'taken-over']) {
    child.send({ cmd: 'NODE_ENDLESS', type, version: 1, generation: 9 })
  }
  child.send('look')
  const [second] = (await withDeadline(once(child, 'message'), step)) as [unknown]
  expect(second).toEqual({ said: 'look', number: 0, isSuccessor: false, state: 'running' })
})

test('two copies of the library in one process are one generation, and both servers are handed over', async () => {
  const copy = path.join(installCore(temporaryDirectory(), 'copy'), 'dist/index.js')
  const program = startFixture('has-two-copies.mjs', { args: [pathToFileURL(copy).href] })
  const first = await program.waitForGeneration(0, { deadlineMs })
  const { ports } = first
  const expected = { areTwo: true, shareRuntime: true, signalListeners: [1, 1, 1] }
  expect(first).toMatchObject(expected)
  program.signal('SIGHUP')
  expect(await program.waitForGeneration(1, { deadlineMs })).toMatchObject({ ports, ...expected })
  for (const port of ports as number[]) {
    expect((await get(port)).headers['x-generation']).toBe('1')
  }
})
