// Proves that a new process comes in, whatever way it is started, that it loads the program as generation 0 did, and that
// it tells what it dies of.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { startProgram } from '@endless/load'
import { describe, expect, test } from 'vitest'
import {
  connectRaw,
  get,
  installCore,
  openGate,
  type Program,
  runEndless,
  startFixture,
  superviseFixture,
  temporaryDirectory,
  until,
  waitForGate,
} from '../helpers/index.js'

const deadlineMs = 15_000
const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
const teller = 'tells-how-it-came-in.cjs'

interface Told {
  port: number
  atStart: { number: number; isSuccessor: boolean } & Record<string, unknown>
  now: Record<string, unknown>
}

/** Restarts a program twice, and proves that each generation answers and looks as the first one did. */
async function restartTwice(program: Program): Promise<void> {
  const first = (await program.waitForGeneration(0, { deadlineMs })) as unknown as Told
  const { port } = first
  for (const number of [1, 2]) {
    program.signal('SIGHUP')
    const told = (await program.waitForGeneration(number, { deadlineMs })) as unknown as Told
    expect((await get(port)).body).toBe(String(number))
    expect(told.port).toBe(port)
    const ours = { number, isSuccessor: true }
    expect(told.now).toEqual({ ...first.now, ...ours })
    expect(told.atStart).toEqual({ ...first.atStart, ...ours })
  }
}

describe.each(['alone', 'supervised'] as const)('%s, a program is loaded as it was:', (how) => {
  const start = (
    name: string,
    { execArgv = [], ...options }: Parameters<typeof startFixture>[1] = {},
  ): Program =>
    how === 'alone'
      ? startFixture(name, { execArgv, ...options })
      : runEndless(
          ['run', '--', 'node', ...execArgv, fixture(name), ...(options.args ?? [])],
          options,
        )

  test('a CommonJS one', async () => {
    await restartTwice(start(teller))
  })

  test('one that a hook of `require` compiles', async () => {
    const folder = temporaryDirectory()
    installCore(folder)
    writeFileSync(
      path.join(folder, 'hook.cjs'),
      "require.extensions['.app'] = (module, file) =>\n" +
        "  module._compile(require('node:fs').readFileSync(file, 'utf8').replace('#!', ''), file)\n",
    )
    writeFileSync(path.join(folder, 'main.app'), `#!require(${JSON.stringify(fixture(teller))})\n`)
    const args = ['--require', path.join(folder, 'hook.cjs'), path.join(folder, 'main.app')]
    await restartTwice(
      how === 'alone' ? startProgram({ args }) : runEndless(['run', '--', 'node', ...args]),
    )
  })

  test.each(['NODE_OPTIONS', 'the arguments'])(
    'with a preload in %s that uses core',
    async (where) => {
      const folder = temporaryDirectory()
      installCore(folder)
      const instrument = path.join(folder, 'instrument.cjs')
      writeFileSync(
        instrument,
        "const { generation } = require('@endless/core')\ngeneration.onTerminate(() => undefined)\n",
      )
      await restartTwice(
        where === 'NODE_OPTIONS'
          ? start(teller, { env: { NODE_OPTIONS: `--require ${instrument}` } })
          : start(teller, { execArgv: ['--require', instrument] }),
      )
    },
  )

  test('with the NODE_OPTIONS of its own --env-file', async () => {
    const file = path.join(temporaryDirectory(), 'app.env')
    writeFileSync(file, 'NODE_OPTIONS=--max-http-header-size=20000\n')
    await restartTwice(start(teller, { execArgv: [`--env-file=${file}`] }))
  })
})

describe('where Node has not run the preload,', () => {
  const node = process.execPath
  const withoutOptions = ['-c', 'unset NODE_OPTIONS; exec "$0" "$@"', node, fixture(teller)]

  test('a process comes in as core is loaded', async () => {
    const OPTIONS = JSON.stringify({ successor: { command: 'sh', args: withoutOptions } })
    await restartTwice(startFixture(teller, { env: { OPTIONS } }))
  })

  test('so does one of a supervisor', async () => {
    await restartTwice(runEndless(['run', '--', 'sh', ...withoutOptions]))
  })

  test('a program without a file, which Node does not wait for, listens when its sockets are there', async () => {
    const code = `require(${JSON.stringify(fixture(teller))})`
    await restartTwice(runEndless(['run', '--', 'node', '-e', code]))
  })

  test('nor can write its file, a process comes in all the same', async () => {
    const folder = temporaryDirectory()
    const core = installCore(folder, 'copy')
    rmSync(path.join(core, 'dist/launch/preload.cjs'))
    const app = path.join(folder, 'app.mjs')
    writeFileSync(
      app,
      `import { endless, generation } from '@endless/core'
      const server = endless((_, response) => response.end(String(generation.number))).listen(0, '127.0.0.1')
      generation.on('ready', () => {
        const { port } = server.address()
        console.log(JSON.stringify({ event: 'ready', pid: process.pid, generation: generation.number, port }))
      })`,
    )
    const program = startProgram({ args: [app], env: { TMPDIR: path.join(folder, 'none') } })
    const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
    for (const number of [1, 2]) {
      program.signal('SIGHUP')
      await program.waitForGeneration(number, { deadlineMs })
      expect((await get(port)).body).toBe(String(number))
    }
  })
})

test('a thread starts after the file of the preload was removed, and sees nothing of it', async () => {
  const TMPDIR = temporaryDirectory()
  const program = startFixture(teller, { env: { TMPDIR } })
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  const first = JSON.parse((await get(port, '/thread')).body) as unknown
  program.signal('SIGHUP')
  await program.waitForGeneration(1, { deadlineMs })
  expect(JSON.parse((await get(port, '/thread')).body)).toEqual(first)
  for (const name of readdirSync(TMPDIR)) rmSync(path.join(TMPDIR, name), { recursive: true })
  expect(JSON.parse((await get(port, '/thread')).body)).toEqual(first)
})

test('a program that changes its directory first is started again where it was', async () => {
  const folder = temporaryDirectory()
  installCore(folder)
  mkdirSync(path.join(folder, 'site'))
  writeFileSync(
    path.join(folder, 'app.cjs'),
    `process.chdir('site')\nrequire(${JSON.stringify(fixture(teller))})\n`,
  )
  await restartTwice(startProgram({ args: ['app.cjs'], cwd: folder }))
})

test('a program that another one stands in front of is told to be started by exec', async () => {
  const program = runEndless([
    ...['run', '--', 'sh', '-c', '"$0" "$1"; true'],
    ...[process.execPath, fixture(teller)],
  ])
  await program.waitForGeneration(0, { deadlineMs })
  await program.waitForLine(/was to start this one .* has started process \d+.*`exec node/, {
    step: 'it is told',
    deadlineMs,
  })
})

describe.each(['alone', 'supervised'])(
  '%s, a successor that dies a millisecond after it',
  (how) => {
    test.each([
      ['throw', 'RangeError: thrown on purpose'],
      ['exit', 'complained on purpose'],
    ])('listens tells why: %s', async (way, reason) => {
      const file = path.join(temporaryDirectory(), 'way')
      const start = how === 'alone' ? startFixture : superviseFixture
      const program = start('dies-soon.mjs', { args: [file] })
      const { pid, port = 0 } = await program.waitForGeneration(0, { deadlineMs })
      // A successor may have taken over by then: its predecessor serves again as long as it drains.
      const held = await connectRaw(port)
      held.request('/hold')
      await until(() => held.received.includes('held'), { step: 'a request is held', deadlineMs })
      writeFileSync(file, way)
      for (let round = 0; round < 5; round++) {
        const since = program.output.lines.length
        program.signal('SIGHUP', pid)
        const step = `round ${String(round)} fails`
        const told = await program.waitForEvent('restart-failed', { since, step, deadlineMs })
        expect(JSON.stringify(told)).toContain(reason)
        await until(async () => (await get(port, '/state')).body === 'running', {
          step: 'generation 0 serves again',
          deadlineMs,
        })
      }
    })
  },
)

test('the last words of a successor arrive, though a socket that it has passed on is read after its death', async () => {
  const file = path.join(temporaryDirectory(), 'way')
  writeFileSync(file, 'exit')
  const program = startFixture('dies-soon.mjs', { args: [file, 'gated'] })
  const { pid } = await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGHUP', pid)
  const boot = await waitForGate(program, 1)
  program.signal('SIGSTOP', pid)
  await openGate(boot)
  // It stays a zombie: its parent has stopped.
  await program.waitForLine(/complained on purpose/, { step: 'it complains', deadlineMs })
  const died = () => readFileSync(`/proc/${String(boot.pid)}/stat`, 'latin1').includes(') Z ')
  await until(died, { step: 'it is dead', deadlineMs })
  program.signal('SIGCONT', pid)
  const told = await program.waitForEvent('restart-failed', { step: 'it fails', deadlineMs })
  expect(JSON.stringify(told)).toContain('complained on purpose')
})

test.each(['main.mjs', 'part.mjs', 'main.cjs'])(
  'a successor with a syntax error tells its place: %s',
  async (name) => {
    const folder = temporaryDirectory()
    installCore(folder)
    const isModule = name.endsWith('.mjs')
    const main = path.join(folder, isModule ? 'main.mjs' : 'main.cjs')
    const serve = 'endless((_, response) => response.end()).listen(0)\n'
    const report = `generation.on('ready', () => console.log(JSON.stringify(
      { event: 'ready', pid: process.pid, generation: generation.number })))\n`
    const loads = isModule
      ? `import { endless, generation } from '@endless/core'\nimport './part.mjs'\n`
      : `const { endless, generation } = require('@endless/core')\n`
    writeFileSync(main, loads + serve + report)
    writeFileSync(path.join(folder, 'part.mjs'), 'export const part = 1\n')
    const program = startProgram({ args: [main] })
    await program.waitForGeneration(0, { deadlineMs })
    writeFileSync(path.join(folder, name), '\n\nlet x = ;\n')
    program.signal('SIGHUP')
    const pattern = new RegExp(`Restart failed: .*SyntaxError: .*${name.replace('.', '[.]')}:3\\)`)
    await program.waitForLine(pattern, { step: 'it is told', deadlineMs })
  },
)
