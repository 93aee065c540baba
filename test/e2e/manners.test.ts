// Proves that a program which is not serving, or is run by some other tool, behaves as if endless
// were not there.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import {
  get,
  openGate,
  startFixture,
  startProgram,
  temporaryDirectory,
  until,
  waitForGate,
  type Program,
  type ProgramEvent,
} from '../helpers/index.js'

const deadlineMs = 15_000
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))

describe('a program that has gone so far:', () => {
  test.each(
    ['imported', 'made', 'closed', 'shut down'].flatMap((stage) =>
      (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((signal) => [stage, signal] as const),
    ),
  )('%s, lives on and dies of %s as by default', async (stage, signal) => {
    const program = startFixture('stops-at-a-stage.mjs', { args: [stage] })
    await reaches(program, stage)
    program.signal(signal, program.pid)
    const exit = await program.waitForExit({ step: 'it dies', deadlineMs })
    expect(exit).toEqual({ code: null, signal })
  })

  test.each(['imported', 'made', 'closed', 'shut down'])(
    '%s, ends by itself when nothing else keeps it',
    async (stage) => {
      const program = startFixture('stops-at-a-stage.mjs', { args: [stage, 'leaves'] })
      await reaches(program, stage)
      const exit = await program.waitForExit({ step: 'it ends', deadlineMs })
      expect(exit).toEqual({ code: 0, signal: null })
    },
  )
})

test('a successor whose server the user closes ends by itself, once its predecessor has gone', async () => {
  const program = startFixture('answers-on-command.mjs')
  await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGHUP')
  const { pid, commands } = await program.waitForGeneration(1, { deadlineMs })
  await program.waitForEnd(program.pid, { step: 'the predecessor ends', deadlineMs })
  await get(commands as number, '/close')
  const exit = await program.waitForEvent((event) => event.event === 'exit' && event.pid === pid, {
    step: 'the successor ends',
    deadlineMs,
  })
  expect(exit).toMatchObject({ code: 0 })
  expect(program.events).not.toContainEqual(expect.objectContaining({ event: 'terminate', pid }))
})

test('another listener is warned about once, by name of the remedy', async () => {
  const program = startFixture('stops-at-a-stage.mjs', { args: ['listening again'] })
  await reaches(program, 'listening again')
  const hasBegunAgain = () => program.stderr.split(' serves ').length === 3
  await until(hasBegunAgain, { step: 'what it says has come', deadlineMs })
  const warnings = program.stderr.split('\n').filter((line) => line.includes('Another '))
  expect(warnings).toEqual([
    expect.stringMatching(/Another listener to SIGTERM is .*generation\.onTerminate/),
  ])
})

test('a worker thread is told that it cannot listen, and a signal does what the main thread has it do', async () => {
  const core = import.meta.resolve('@endless/core')
  const thread = `
    import { parentPort } from 'node:worker_threads'
    import { endless, generation } from '${core}'
    const server = endless(() => undefined)
    let refused
    try { server.listen(0) } catch ({ code }) { refused = code }
    const restart = await generation.restart().catch(({ code }) => code)
    parentPort.postMessage({ refused, restart, isListening: server.server.listening })`
  const program = startProgram({
    args: [
      '--input-type=module',
      '-e',
      `import { Worker } from 'node:worker_threads'
      import { answer, reportLife, report } from '${pathToFileURL(fixture('support.mjs')).href}'
      import { endless } from '${core}'
      const { port } = endless(answer).listen(0).address()
      reportLife(() => ({ port }))
      new Worker(new URL(\`data:text/javascript,\${encodeURIComponent(${JSON.stringify(thread)})}\`))
        .on('message', (told) => report('thread', told))`,
    ],
  })
  for (const number of [0, 1]) {
    await program.waitForGeneration(number, { deadlineMs })
    const isIts = ({ event, generation }: ProgramEvent) =>
      event === 'thread' && generation === number
    expect(
      await program.waitForEvent(isIts, { step: 'the thread has tried', deadlineMs }),
    ).toMatchObject({
      refused: 'ERR_ENDLESS_UNSUPPORTED',
      restart: 'ERR_ENDLESS_UNSUPPORTED',
      isListening: false,
    })
    program.signal('SIGHUP')
  }
  await program.waitForGeneration(2, { deadlineMs })
})

test('on Windows everything works but a restart, which is refused with a code', async () => {
  const windows = `Object.defineProperty(process,'platform',{value:'win32'})`
  const program = startFixture('serves.mjs', {
    execArgv: ['--import', `data:text/javascript,${windows}`],
  })
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  expect((await get(port, '/restart')).headers['x-generation']).toBe('0')
  const { error } = await program.waitForEvent('restart-rejected', {
    step: 'restart() rejects',
    deadlineMs,
  })
  expect(error).toMatchObject({ code: 'ERR_ENDLESS_UNSUPPORTED_PLATFORM' })
  expect((await get(port)).headers['x-generation']).toBe('0')
  program.signal('SIGTERM')
  expect(await program.waitForExit({ step: 'it exits', deadlineMs })).toMatchObject({ code: 0 })
})

const launchers: [string, () => { command?: string; args: string[]; cwd?: string }][] = [
  ['npm start', npmStart],
  ['node --watch', () => ({ args: ['--watch', fixture('boots-when-told.mjs')] })],
  [
    'a wrapper that passes signals on',
    () => ({ args: [fixture('passes-signals-on.mjs'), fixture('boots-when-told.mjs')] }),
  ],
]

test.each(launchers)(
  'Ctrl-C under %s lets a request end that is under way, and then everything exits',
  async (_, launcher) => {
    const program = startProgram(launcher())
    const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
    const answered = get(port, '/wait')
    const request = await waitForGate(program, 0, 'answer')
    // A terminal tells every process of the group.
    process.kill(-program.pid, 'SIGINT')
    await program.waitForEvent('drain', { step: 'it drains', deadlineMs })
    await openGate(request)
    expect((await answered).body).toBe('generation 0')
    const terminated = await program.waitForEvent('terminate', {
      step: 'it has drained',
      deadlineMs,
    })
    expect(terminated).toMatchObject({ report: { hammered: 0 } })
    await until(() => program.alive.length === 0, { step: 'every process ends', deadlineMs })
  },
)

const watched: [string, (text: string) => string][] = [
  ['alone', (text) => `import { createServer as serve } from 'node:http'${rest(text)}`],
  [
    'with endless',
    (text) =>
      `import { endless as serve } from '${import.meta.resolve('@endless/core')}'${rest(text)}`,
  ],
]

const rest = (text: string) => `
serve((request, response) => response.end('${text}')).listen(0)
console.log(JSON.stringify({ event: 'listens', pid: process.pid, text: '${text}' }))
`

test.each(watched)(
  'node --watch restarts a server %s, and Ctrl-C ends it with 0',
  async (_, source) => {
    const file = path.join(temporaryDirectory(), 'app.mjs')
    const pids = []
    writeFileSync(file, source('first'))
    const program = startProgram({ args: ['--watch', file] })
    for (const text of ['first', 'second', 'third']) {
      // Node watches a file from when its watching process has heard that it was loaded; a change
      // before that is missed, also without endless. So it is written until that has been seen.
      const restarted = () => {
        if (text !== 'first') writeFileSync(file, source(text))
        return program.events.find((event) => event.event === 'listens' && event['text'] === text)
      }
      const { pid } = await until(restarted, {
        step: `the ${text} version listens`,
        deadlineMs,
        everyMs: 1_000,
        explain: () => program.output.toString(),
      })
      pids.push(pid)
    }
    expect(new Set(pids).size).toBe(3)
    process.kill(-program.pid, 'SIGINT')
    expect(await program.waitForExit({ step: 'it ends', deadlineMs })).toMatchObject({ code: 0 })
    expect(program.alive).toEqual([])
  },
)

function npmStart() {
  const cwd = temporaryDirectory()
  const start = `"${process.execPath}" "${fixture('boots-when-told.mjs')}"`
  writeFileSync(path.join(cwd, 'package.json'), JSON.stringify({ scripts: { start } }))
  return { command: 'npm', args: ['start'], cwd }
}

async function reaches(program: Program, stage: string): Promise<void> {
  await program.waitForEvent(({ event, name }) => event === 'stage' && name === stage, {
    step: `it is ${stage}`,
    deadlineMs,
  })
}
