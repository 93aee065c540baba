// Proves that options stand in package.json and are flags of `endless run`: which of them counts, that a mistake costs
// nothing, that each release has its own, and that people are told what is in effect.
import { existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import {
  freePort,
  get,
  runEndless,
  runtimeDirectory,
  startProgram,
  temporaryDirectory,
  type Program,
} from '../helpers/index.js'

const deadlineMs = 15_000
const register = fileURLToPath(new URL('../../packages/core/dist/register.cjs', import.meta.url))
const env = { XDG_RUNTIME_DIR: runtimeDirectory() }

/** Creates a project around a program of test/fixtures. */
function project(fixture: string, endless?: object, directory = temporaryDirectory()): string {
  mkdirSync(directory, { recursive: true })
  const { href } = new URL(`../fixtures/${fixture}`, import.meta.url)
  writeFileSync(path.join(directory, 'app.mjs'), `await import('${href}')`)
  if (endless) put(directory, endless)
  return directory
}

function put(directory: string, endless: object): void {
  const manifest = { name: `options-${process.pid}-${path.basename(directory)}`, endless }
  writeFileSync(path.join(directory, 'package.json'), JSON.stringify(manifest))
}

const run = (cwd: string, ...args: string[]): Program =>
  runEndless(['run', ...args], { cwd, env: { ...env, PWD: cwd } })

async function ask(
  cwd: string,
  ...args: string[]
): Promise<{ code: number | null; out: string; err: string }> {
  const command = runEndless(args, { cwd, env: { ...env, PWD: cwd } })
  const { code } = await command.waitForExit({ step: `endless ${args.join(' ')} ends`, deadlineMs })
  await command.end() // all of its output has come
  return { code, out: command.stdout, err: command.stderr.trimEnd() }
}

interface Option {
  name: string
  value: string
  from: string
}

/** The options that a generation reports when it serves: `hammerTimeMs=3000 of endless run`. */
async function optionsOf(program: Program, number: number, directory: string): Promise<string[]> {
  const ready = await program.waitForGeneration(number, { deadlineMs })
  return (ready as unknown as { options: Option[] }).options.map(
    ({ name, value, from }) => `${name}=${value} of ${from.replace(directory, '…')}`,
  )
}

const everywhere = { hammerTimeMs: 1_000, idleGraceMs: 1_000, readyTimeoutMs: 20_000 }
const inCode = { idleGraceMs: 2_000, ready: 'listening' }

test('a flag wins over code, and code over package.json, in every generation', async () => {
  const directory = project('tells-its-options.mjs', everywhere)
  const program = run(directory, '--hammer-time', '3s', 'app.mjs', JSON.stringify(inCode))
  const wanted = [
    'hammerTimeMs=3000 of endless run',
    'idleGraceMs=2000 of code',
    "ready='listening' of code",
    'readyTimeoutMs=20000 of …/package.json',
  ]
  expect(await optionsOf(program, 0, directory)).toEqual(wanted)
  program.signal('SIGHUP')
  expect(await optionsOf(program, 1, directory)).toEqual(wanted)
})

test('package.json also counts without a supervisor, in a program that uses core', async () => {
  const directory = project('tells-its-options.mjs', everywhere)
  const program = startProgram({
    args: [path.join(directory, 'app.mjs'), JSON.stringify(inCode)],
  })
  const wanted = ['hammerTimeMs=1000 of …/package.json', 'idleGraceMs=2000 of code']
  expect((await optionsOf(program, 0, directory)).slice(0, 2)).toEqual(wanted)
  put(directory, { readyTimeuotMs: 1 })
  program.signal('SIGHUP')
  await program.waitForLine(
    /Restart failed: .*package\.json: endless\.readyTimeuotMs is not an option; did you mean readyTimeoutMs\?/,
    { step: 'the restart fails', deadlineMs },
  )
  put(directory, { hammerTimeMs: 4_000 })
  program.signal('SIGHUP')
  expect((await optionsOf(program, 1, directory))[0]).toBe('hammerTimeMs=4000 of …/package.json')
})

test('each generation reads the package.json of its own release', async () => {
  const root = temporaryDirectory()
  const current = path.join(root, 'current')
  const release = (name: string, endless: object): void => {
    project('tells-its-options.mjs', endless, path.join(root, 'releases', name))
    symlinkSync(`releases/${name}`, `${current}.new`)
    renameSync(`${current}.new`, current)
  }
  release('1', { hammerTimeMs: 1_000 })
  const program = run(current, path.join(current, 'app.mjs'))
  expect(await optionsOf(program, 0, root)).toContain(
    'hammerTimeMs=1000 of …/releases/1/package.json',
  )
  release('2', { hammerTimeMs: 2_000 })
  program.signal('SIGHUP')
  expect(await optionsOf(program, 1, root)).toContain(
    'hammerTimeMs=2000 of …/releases/2/package.json',
  )
})

test('a mistake ends endless run in one line, before anything is started', async () => {
  const directory = project('tells-its-options.mjs', { hamerTimeMs: 1 })
  const mistake =
    'endless: package.json: endless.hamerTimeMs is not an option; did you mean hammerTimeMs?'
  const refused = { code: 2, out: '', err: mistake }
  expect(await ask(directory, 'run', 'app.mjs')).toEqual(refused)
  expect(await ask(directory, 'run', '--', 'node', 'app.mjs')).toEqual(refused)
  put(directory, { hammerTimeMs: '30s' })
  expect(await ask(directory, 'run', '--explain', 'app.mjs')).toMatchObject({
    code: 2,
    err: "endless: package.json: endless.hammerTimeMs is '30s': expected a number of milliseconds, negative for never",
  })
  put(directory, {})
  expect(await ask(directory, 'run', '--hammer-time', '30', 'app.mjs')).toEqual({
    code: 2,
    out: '',
    err:
      "endless: option '--hammer-time <time>' argument '30' is invalid. " +
      'A time has a unit: 500ms, 30s, 5min, 1h.',
  })
})

test('a mistake fails a restart, the old generation serves on, and the next restart works', async () => {
  const directory = project('hangs.mjs', {})
  const port = await freePort()
  const program = run(directory, 'app.mjs', String(port))
  await program.waitForLine(/serves 127\.0\.0\.1:/, { step: 'it serves', deadlineMs })
  const before = (await get(port)).body
  put(directory, { hamerTimeMs: 1 })
  const failed = await ask(directory, 'restart')
  expect(failed.code).toBe(1)
  expect(failed.err).toContain(
    `${directory}/package.json: endless.hamerTimeMs is not an option; did you mean hammerTimeMs?`,
  )
  expect((await get(port)).body).toBe(before)
  // The program's first line has not run.
  expect(program.stdout.match(/^listens$/gm)).toHaveLength(1)

  put(directory, { hammerTimeMs: 200 })
  expect(await ask(directory, 'restart')).toMatchObject({ code: 0 })
  expect((await get(port)).body).not.toBe(before)
  const { code, out } = await ask(directory, 'status', '--explain')
  expect(code).toBe(0)
  const rows = out.split('\n').map((line) => line.replace(/ {2,}/g, ' | '))
  expect(rows).toContain(`hammerTimeMs | 200 | ${directory}/package.json`)
  expect(rows).toContain("otherSignalListeners | 'hold' | default without code")
  expect(rows).toContain('readyTimeoutMs | 60000 | default')
  expect(rows).toContain(`127.0.0.1:${port} | handed over | it has a fixed address`)
  expect(rows).toContain(
    '127.0.0.1:0 | left alone | the system chooses the port, which no client can know',
  )

  // With the default, this request would hold the end up for a minute.
  http.get({ port, path: '/hang', agent: false }).on('error', () => undefined)
  await program.waitForLine(/^hangs$/, { step: 'the request is there', deadlineMs })
  expect(await ask(directory, 'stop')).toMatchObject({ code: 0 })
})

test('with the preload alone, a mistake stops the first process at its listen', async () => {
  const directory = project('hangs.mjs', { redyProbe: '/' })
  const script = path.join(directory, 'app.mjs')
  const port = String(await freePort())
  const program = startProgram({ args: ['--import', register, script, port] })
  await program.waitForExit({ step: 'it ends', deadlineMs })
  await program.end()
  expect(program.stderr).toContain(
    `EndlessError: ${directory}/package.json: endless.redyProbe is not an option; did you mean readyProbe?`,
  )
  expect(program.stdout).toBe('')
})

test('the pid file of package.json names the supervisor; what would be in effect is shown before', async () => {
  const directory = project('hangs.mjs', { pidFile: 'app.pid' })
  const { code, out } = await ask(directory, 'run', '--explain', '--ready-probe', '/up', 'app.mjs')
  expect(code).toBe(0)
  const rows = out.split('\n').map((line) => line.replace(/ {2,}/g, ' | '))
  expect(rows).toContain("readyProbe | '/up' | endless run --ready-probe")
  expect(rows).toContain(`pidFile | 'app.pid' | ${directory}/package.json`)
  expect(existsSync(path.join(directory, 'app.pid'))).toBe(false)
  const program = run(directory, 'app.mjs', String(await freePort()))
  await program.waitForLine(/serves 127\.0\.0\.1:/, { step: 'it serves', deadlineMs })
  const told = await ask(directory, 'status', '--pid-file', 'app.pid', '--json')
  expect(JSON.parse(told.out)).toMatchObject({
    pid: program.pid,
    generations: [{ servers: [{ madeBy: 'register' }] }],
  })
})

test('a variable that a stranger sets gives no options', async () => {
  const directory = project('tells-its-options.mjs')
  const entry = {
    parent: process.pid,
    generation: 3,
    isSupervised: false,
    orphaned: 'serve',
    directory,
    execArgv: [],
    options: { pidFile: path.join(directory, 'stranger.pid') },
  }
  const program = startProgram({
    args: [path.join(directory, 'app.mjs')],
    env: { NODE_ENDLESS: JSON.stringify(entry) },
  })
  expect(await optionsOf(program, 0, directory)).toEqual([])
})
