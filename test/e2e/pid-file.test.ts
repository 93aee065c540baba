// Proves that the pid file names the generation that serves, in every moment of a restart, and is gone
// after the last one.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import {
  get,
  openGate,
  startAnswering,
  startFixture,
  temporaryDirectory,
  until,
  waitForGate,
  type Program,
} from '../helpers/index.js'

const deadlineMs = 15_000

let directory: string
let pidFile: string

beforeEach(() => {
  directory = temporaryDirectory()
  pidFile = path.join(directory, 'app.pid')
})

const named = () => readFileSync(pidFile, 'utf8')
const line = (pid: number) => `${pid}\n`
const start = (fixture: string) => startFixture(fixture, { args: [JSON.stringify({ pidFile })] })

async function stop(program: Program): Promise<void> {
  const { pid } = program.current
  program.signal('SIGTERM')
  await program.waitForEnd(pid, { step: 'the last generation exits', deadlineMs })
}

test('it is written when the program is ready, changes hands with the service, and is removed at the end', async () => {
  const program = start('serves-when-told.mjs')
  const first = await waitForGate(program, 0)
  expect(existsSync(pidFile)).toBe(false)
  await openGate(first)
  await program.waitForGeneration(0, { deadlineMs })
  expect(named()).toBe(line(first.pid))

  program.signal('SIGHUP')
  const second = await waitForGate(program, 1)
  expect(named()).toBe(line(first.pid))
  await openGate(second)
  await program.waitForGeneration(1, { deadlineMs })
  expect(named()).toBe(line(second.pid))
  await program.waitForEnd(first.pid, { step: 'the predecessor exits', deadlineMs })
  expect(named()).toBe(line(second.pid))

  await stop(program)
  expect(readdirSync(directory)).toEqual([])
})

test('it is replaced in one step, by each generation once', async () => {
  const changes: string[] = []
  const watcher = watch(directory, (change, name) => name === 'app.pid' && changes.push(change))
  onTestFinished(() => watcher.close())
  const program = start('serves.mjs')
  await program.waitForGeneration(0, { deadlineMs })
  const seen = [named()]
  for (const number of [1, 2, 3]) {
    const { pid } = program.current
    program.signal('SIGHUP')
    await program.waitForGeneration(number, { deadlineMs })
    await program.waitForEnd(pid, { step: `predecessor ${pid} exits`, deadlineMs })
    seen.push(named())
  }
  expect(seen).toEqual(program.generations.map(({ pid }) => line(pid)))
  expect(readdirSync(directory)).toEqual(['app.pid', 'app.pid.sock'])
  // inotify reports every step: written to, it would be a 'change', removed first, one 'rename' more.
  writeFileSync(pidFile, 'the end')
  await until(() => changes.at(-1) === 'change', { step: 'all is reported', deadlineMs })
  expect(changes.filter((change) => change === 'rename')).toHaveLength(4)
  expect(changes.indexOf('change')).toBe(4)
})

test('a restart that fails leaves it as it was', async () => {
  const settings = { options: { pidFile }, brokenSuccessor: true }
  const program = startFixture('has-hooks.mjs', { args: [JSON.stringify(settings)] })
  await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGHUP')
  await program.waitForEvent('restart-failed', { step: 'the successor fails', deadlineMs })
  expect(named()).toBe(line(program.pid))
  await stop(program)
  expect(readdirSync(directory)).toEqual([])
})

test('one that the successor names otherwise is removed by the predecessor', async () => {
  const { program, write, listen } = await startFromFile({ pidFile })
  const other = path.join(directory, 'other.pid')
  write({ options: { pidFile: other }, listen })
  program.signal('SIGHUP')
  const { pid } = await program.waitForGeneration(1, { deadlineMs })
  await program.waitForEnd(program.pid, { step: 'the predecessor exits', deadlineMs })
  expect(existsSync(pidFile)).toBe(false)
  expect(readFileSync(other, 'utf8')).toBe(line(pid))
})

test('one that names somebody else in the end is left alone', async () => {
  const program = start('serves.mjs')
  await program.waitForGeneration(0, { deadlineMs })
  writeFileSync(pidFile, '1\n')
  await stop(program)
  expect(named()).toBe('1\n')
})

test('one that a killed program left behind is replaced', async () => {
  const killed = start('serves.mjs')
  await killed.waitForGeneration(0, { deadlineMs })
  await killed.end()
  expect(named()).toBe(line(killed.pid))
  const program = start('serves.mjs')
  await program.waitForGeneration(0, { deadlineMs })
  expect(named()).toBe(line(program.pid))
})

test('it is removed when the application exits by itself', async () => {
  const program = await startAnswering({ options: { pidFile } })
  expect(named()).toBe(line(program.program.pid))
  await program.command('exit').catch(() => undefined) // it has no time left to answer
  await program.program.waitForExit({ step: 'it exits', deadlineMs })
  expect(existsSync(pidFile)).toBe(false)
})

test.each([
  ['a stale file', (temporary: string) => writeFileSync(temporary, 'half')],
  [
    'a symbolic link to a file of somebody else',
    (temporary: string) => symlinkSync(path.join(directory, 'precious'), temporary),
  ],
])('%s at its temporary name is neither followed nor left behind', async (_what, put) => {
  writeFileSync(path.join(directory, 'precious'), 'precious')
  const program = start('serves-when-told.mjs')
  const gate = await waitForGate(program, 0)
  put(`${pidFile}.${gate.pid}.tmp`)
  await openGate(gate)
  await program.waitForGeneration(0, { deadlineMs })
  expect(named()).toBe(line(gate.pid))
  expect(readdirSync(directory).sort()).toEqual(['app.pid', 'app.pid.sock', 'precious'])
  expect(readFileSync(path.join(directory, 'precious'), 'utf8')).toBe('precious')
})

test('a file that cannot be written is reported, and the program serves', async () => {
  mkdirSync(pidFile)
  const program = start('serves.mjs')
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  expect((await get(port)).status).toBe(200)
  expect(program.stderr).toContain(`Cannot write the pid file ${pidFile}: EISDIR`)
})

async function startFromFile(options: object) {
  const file = path.join(directory, 'listen.json')
  const write = (content: object) => writeFileSync(file, JSON.stringify(content))
  const listen = [[0, '127.0.0.1']]
  write({ options, listen })
  const program = startFixture('serves-what-a-file-says.mjs', { args: [file] })
  await program.waitForGeneration(0, { deadlineMs })
  return { program, write, listen }
}
