// Proves that a successor is started as its predecessor was, and reads anew what is read at a start.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Program, ProgramEvent } from '@endless/load'
import { describe, expect, test } from 'vitest'
import {
  connectRaw,
  get,
  installCore,
  type RawClient,
  startFixture,
  startProgram,
  superviseFixture,
  temporaryDirectory,
  until,
} from '../helpers/index.js'

const deadlineMs = 15_000

interface Started extends ProgramEvent {
  argv: string[]
  execArgv: string[]
  cwd: string
  env: Record<string, string>
}

test('arguments, Node options, directory and environment are the same in every generation', async () => {
  const program = startFixture('shows-its-surroundings.mjs', {
    execArgv: ['--max-http-header-size=20000', '--no-warnings'],
    args: ['--name=with space', '', '-x'],
    env: { ODD: 'a=b\nc', EMPTY: '' },
  })
  const first = await started(program, 0)
  for (const number of [1, 2]) {
    program.signal('SIGHUP')
    const { argv, execArgv, cwd, env } = await started(program, number)
    expect({ argv, execArgv, cwd, env }).toEqual({
      argv: first.argv,
      execArgv: first.execArgv,
      cwd: first.cwd,
      env: first.env,
    })
  }
  expect(first.argv.slice(2)).toEqual(['--name=with space', '', '-x'])
  expect(first.execArgv).toEqual(['--max-http-header-size=20000', '--no-warnings'])
})

test('a program that is no file gets its arguments in every generation', async () => {
  const directory = temporaryDirectory()
  installCore(directory)
  const text = sourceOf('text').replace('pid:', 'argv: process.argv.slice(1), pid:')
  const execArgv = ['--input-type=module', '-e', text]
  const program = startProgram({ args: [...execArgv, '--', '--port', '0'], cwd: directory })
  for (const number of [0, 1, 2]) {
    const ready = await program.waitForGeneration(number, { deadlineMs })
    expect(ready).toMatchObject({ argv: ['--port', '0'] })
    program.signal('SIGHUP')
  }
})

test('arguments that the program takes off its own list are there in every generation', async () => {
  const directory = temporaryDirectory()
  installCore(directory)
  const file = path.join(directory, 'app.mjs')
  const takes = 'const argv = process.argv.splice(1, 2); process.execArgv.length = 0'
  writeFileSync(file, `${takes}\n${sourceOf('text').replace('pid:', 'argv, pid:')}`)
  const program = startProgram({ args: ['--no-warnings', file, 'serve', '--port', '0'] })
  for (const number of [0, 1, 2]) {
    const ready = await program.waitForGeneration(number, { deadlineMs })
    expect(ready).toMatchObject({ argv: [file, 'serve'] })
    program.signal('SIGHUP')
  }
})

test.runIf(process.platform === 'linux')(
  'arguments that a launcher in the same process takes off before it loads the program are there in every generation',
  async () => {
    const directory = temporaryDirectory()
    installCore(directory)
    writeFileSync(path.join(directory, 'app.mjs'), sourceOf('text').replace('pid:', 'argv, pid:'))
    const file = path.join(directory, 'launcher.mjs')
    writeFileSync(
      file,
      `globalThis.argv = process.argv.splice(2); await import('./app.mjs') // as fastify-cli does`,
    )
    const program = startProgram({ args: ['--no-warnings', file, 'start', '--port', '0'] })
    for (const number of [0, 1, 2]) {
      const ready = await program.waitForGeneration(number, { deadlineMs })
      expect(ready).toMatchObject({ argv: ['start', '--port', '0'] })
      program.signal('SIGHUP')
    }
  },
)

test('--env-file is read anew, and what it said before is forgotten', async () => {
  const file = path.join(temporaryDirectory(), 'service.env')
  writeFileSync(file, 'FROM_FILE=old\nGONE=soon\nGIVEN=by file\n')
  const program = startFixture('shows-its-surroundings.mjs', {
    execArgv: [`--env-file=${file}`],
    env: { GIVEN: 'by hand', GONE: undefined, FROM_FILE: undefined },
  })
  const { env: first } = await started(program, 0)
  expect(first).toMatchObject({ FROM_FILE: 'old', FROM_PROGRAM: 'old', GONE: 'soon' })
  for (const [number, value] of ['new', 'newer'].entries()) {
    writeFileSync(file, `FROM_FILE=${value}\nGIVEN=by file\n`)
    program.signal('SIGHUP')
    const { env } = await started(program, number + 1)
    expect(env).toMatchObject({ FROM_FILE: value, FROM_PROGRAM: value, GIVEN: 'by hand' })
    expect(env).not.toHaveProperty('GONE')
  }
})

test('code that was changed on disk is served after a restart', async () => {
  const directory = temporaryDirectory()
  installCore(directory)
  const file = path.join(directory, 'app.mjs')
  const write = (text: string) => writeFileSync(file, sourceOf(text))
  write('first')
  const program = startProgram({ args: [file] })
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  expect((await get(port)).body).toBe('first')
  write('second')
  expect((await get(port)).body).toBe('first')
  program.signal('SIGHUP')
  await program.waitForGeneration(1, { deadlineMs })
  expect((await get(port)).body).toBe('second')
})

describe.each(['alone', 'supervised'] as const)('the async context of `listen`, %s,', (how) => {
  test('is that of connections and requests in every generation, also of those that moved', async () => {
    const { program, socket } = inContext(how)
    const { port = 0, raw } = await serves(program, 0)
    const kept = [await connectRaw(port), await connectRaw(socket)]
    for (const client of kept) await isInContext(client, program.current.pid)
    const tunnel = await connectRaw(port)
    tunnel.request('/tunnel', { headers: 'Connection: upgrade\r\nUpgrade: x\r\n' })
    await tunnel.waitForResponses(1)
    for (const number of [1, 2]) {
      program.signal('SIGHUP')
      const { pid } = await serves(program, number)
      for (const client of [...kept, await connectRaw(port), await connectRaw(socket)]) {
        await isInContext(client, pid)
      }
      expect(await received(await connectRaw(raw))).toEqual({ connection: pid })
      if (number === 1) expect(await received(tunnel)).toEqual({ connection: pid })
    }
  })

  test('is that of a predecessor that serves again', async () => {
    const { program, socket } = inContext(how)
    const { pid, port = 0, raw } = await serves(program, 0)
    for (const target of [port, socket]) (await connectRaw(target)).request('/wait')
    const isWaiting = () => program.events.filter(({ event }) => event === 'waiting').length === 2
    await until(isWaiting, { step: 'requests keep it from ending', deadlineMs })
    program.signal('SIGHUP')
    await serves(program, 1)
    ;(await connectRaw(port)).request('/die')
    const isBack = () => program.generations.filter((each) => each.pid === pid).length === 2
    await until(isBack, { step: 'it serves again', deadlineMs })
    for (const target of [port, socket]) await isInContext(await connectRaw(target), pid)
    expect(await received(await connectRaw(raw))).toEqual({ connection: pid })
  })
})

function inContext(how: 'alone' | 'supervised'): { program: Program; socket: string } {
  const socket = path.join(temporaryDirectory(), 'app.sock')
  const begin = how === 'alone' ? startFixture : superviseFixture
  return { program: begin('serves-in-a-context.mjs', { args: [socket] }), socket }
}

async function serves(program: Program, number: number) {
  const ready = await program.waitForGeneration(number, { deadlineMs })
  return ready as typeof ready & { raw: number }
}

/** Asks over a connection until `pid` answers; each answer is in the context of its own process. */
async function isInContext(client: RawClient, pid: number): Promise<void> {
  const seen: unknown[] = []
  const own: unknown[] = []
  const isThere = async () => {
    const { length } = client.responses
    client.request()
    const answer = (await client.waitForResponses(length + 1)).at(-1)!
    const by = Number(answer.headers['x-pid'])
    seen.push(JSON.parse(answer.body))
    own.push({ connection: by, request: by, end: by })
    return by === pid
  }
  await until(isThere, { step: `the process ${pid} answers`, deadlineMs })
  expect(seen).toEqual(own)
}

/** Resolves with the last line that a server has sent over a connection, which it then ended. */
async function received(client: RawClient): Promise<unknown> {
  await client.waitForEnd()
  return JSON.parse(client.received.toString().split('\r\n').at(-1)!)
}

const sourceOf = (text: string) => `
import { endless, generation } from '@endless/core'
const { port } = endless((request, response) => response.end('${text}')).listen(0).address()
const { number } = generation
generation.on('ready', () =>
  console.log(JSON.stringify({ event: 'ready', pid: process.pid, generation: number, port })))
`

/** Resolves with the report of a generation once it serves. */
async function started(program: Program, number: number): Promise<Started> {
  await program.waitForGeneration(number, { deadlineMs })
  return program.waitForEvent<Started>(
    ({ event, generation }) => event === 'started' && generation === number,
    { step: `generation ${number} reports how it was started`, deadlineMs },
  )
}
