// Proves that the pid file names the generation that serves, in every moment of a restart, and is gone
// after the last one.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  watch,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import {
  get,
  openGate,
  runEndless,
  startAnswering,
  startFixture,
  startProgram,
  superviseFixture,
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

test('one that names another program which runs keeps a second program from starting', async () => {
  const first = start('serves.mjs')
  const { port = 0 } = await first.waitForGeneration(0, { deadlineMs })
  const args = [JSON.stringify({ pidFile })]
  const refused = [
    startFixture('serves.mjs', { args }),
    superviseFixture('serves.mjs', { args }),
    superviseFixture('serves.mjs', { runArgs: ['--pid-file', pidFile] }),
  ]
  for (const program of refused) {
    const { code } = await program.waitForExit({ step: 'it refuses to start', deadlineMs })
    expect(code).not.toBe(0)
    expect(program.stderr).toContain(
      `Cannot keep a pid file at ${pidFile}: it names process ${first.pid}, which runs.`,
    )
    expect(program.generations).toEqual([])
  }
  expect(named()).toBe(line(first.pid))
  expect((await get(port)).status).toBe(200)
  first.signal('SIGHUP')
  const { pid } = await first.waitForGeneration(1, { deadlineMs })
  expect(named()).toBe(line(pid))
  await stop(first)
  expect(readdirSync(directory)).toEqual([])
})

test('one that names another program does not keep a process from loading the same code and serving nothing', async () => {
  const first = start('serves.mjs')
  await first.waitForGeneration(0, { deadlineMs })
  const second = runText(
    `endless(answer, { pidFile: '${pidFile}' })
     report('loaded')`,
  )
  await second.waitForEvent('loaded', { step: 'it is loaded', deadlineMs })
  expect(await second.waitForExit({ step: 'it ends', deadlineMs })).toMatchObject({ code: 0 })
  expect(named()).toBe(line(first.pid))
})

test.runIf(process.platform === 'linux')(
  'one whose pid another process has got since is taken over',
  async () => {
    const other = startProgram({ command: 'sleep', args: ['60'] })
    writeFileSync(pidFile, line(other.pid))
    const refused = start('serves.mjs')
    await refused.waitForExit({ step: 'it refuses to start', deadlineMs })
    expect(refused.stderr).toContain(`it names process ${other.pid}, which runs`)
    // Written an hour before that process was started.
    utimesSync(pidFile, Date.now() / 1_000 - 3_600, Date.now() / 1_000 - 3_600)
    const program = start('serves.mjs')
    await program.waitForGeneration(0, { deadlineMs })
    expect(named()).toBe(line(program.pid))
  },
)

test('one that cannot be replaced in the moment of the takeover fails the restart, and the predecessor serves again', async () => {
  const program = runText(
    `import { mkdirSync, rmSync } from 'node:fs'
     const pidFile = '${pidFile}'
     endless(answer, {
       pidFile,
       control: '${pidFile}.control',
       hooks: { before: { SIGTERM: [() => { rmSync(pidFile); mkdirSync(pidFile) }] } },
     }).listen(0, '127.0.0.1')
     reportLife(() => ({}))`,
  )
  await program.waitForGeneration(0, { deadlineMs })
  const command = runEndless(['restart', '--control', `${pidFile}.control`])
  expect(await command.waitForExit({ step: 'it fails', deadlineMs })).toMatchObject({ code: 1 })
  await command.end()
  expect(command.stderr).toContain(`Cannot write the pid file ${pidFile}: EISDIR`)
  await program.waitForEvent('restart-failed', { step: 'it is told', deadlineMs })
  expect(program.generations.map(({ pid }) => pid)).toEqual([program.pid, program.pid])
  expect(program.stderr).toContain('takes over again')
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

/** Runs these lines of a program. */
function runText(lines: string): Program {
  const file = path.join(temporaryDirectory(), 'app.mjs')
  const support = new URL('../fixtures/support.mjs', import.meta.url).href
  writeFileSync(
    file,
    `import { endless, generation } from '${import.meta.resolve('@endless/core')}'
     import { answer, report, reportLife } from '${support}'
     ${lines}`,
  )
  return startProgram({ args: [file] })
}
