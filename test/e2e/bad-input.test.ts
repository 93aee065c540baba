// Proves that what a program does wrong reaches it when and where it would expect that, and breaks
// nothing that works.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import {
  get,
  startFixture,
  startProgram,
  temporaryDirectory,
  until,
  type Program,
} from '../helpers/index.js'

const deadlineMs = 15_000
const says = { step: 'it says why', deadlineMs }

test.each([
  ['of a server', (port: number) => `endless(answer).listen(${port}, '127.0.0.1')`],
  [
    'of an options object',
    (port: number) => `endless(answer).listen({ port: ${port}, host: '127.0.0.1' })`,
  ],
  ['of Go', (port: number) => `await listenAndServe('127.0.0.1:${port}', answer)`],
])('a port in use ends a program that does not expect it, by the listen %s', async (_, listen) => {
  const program = run(listen(await usePort()))
  expect(await program.waitForExit({ step: 'it dies', deadlineMs })).toMatchObject({ code: 1 })
  await program.waitForLine(/Error: listen EADDRINUSE: address already in use 127\.0\.0\.1:/, says)
  expect(program.generations).toEqual([])
})

test('a program that tries another port when one is in use serves there, and so does its successor', async () => {
  const used = await usePort()
  const program = run(`
    const server = endless(answer).listen(${used}, '127.0.0.1')
    server.on('error', ({ code }) => {
      report('refused', { code })
      server.listen(0, '127.0.0.1')
    })
    reportLife(() => server.address())`)
  const { port } = (await program.waitForGeneration(0, { deadlineMs })) as { port: number }
  program.signal('SIGHUP')
  expect(await program.waitForGeneration(1, { deadlineMs })).toMatchObject({ port })
  expect((await get(port)).headers['x-generation']).toBe('1')
  const refused = program.events.filter(({ event }) => event === 'refused')
  expect(refused).toMatchObject([
    { generation: 0, code: 'EADDRINUSE' },
    { generation: 1, code: 'EADDRINUSE' },
  ])
})

test('a listen while it listens throws as with Node alone, and the server serves and restarts as before', async () => {
  const program = run(`
    const server = endless(answer).listen(0)
    try {
      server.listen(0)
    } catch ({ code }) {
      report('thrown', { code })
    }
    reportLife(() => server.address())`)
  const { port } = (await program.waitForGeneration(0, { deadlineMs })) as { port: number }
  expect((await get(port)).headers['x-generation']).toBe('0')
  program.signal('SIGHUP')
  expect(await program.waitForGeneration(1, { deadlineMs })).toMatchObject({ port })
  expect(program.events.filter(({ event }) => event === 'thrown')).toMatchObject([
    { generation: 0, code: 'ERR_SERVER_ALREADY_LISTEN' },
    { generation: 1, code: 'ERR_SERVER_ALREADY_LISTEN' },
  ])
})

test('two values for an option of the process are refused, and the first server keeps its own', async () => {
  const program = run(`
    const options = { readyTimeoutMs: 1_000, ready: generation.isSuccessor ? 'manual' : 'listening' }
    const server = endless(answer, options).listen(0, '127.0.0.1')
    try {
      endless(answer, { readyTimeoutMs: 2_000 })
    } catch ({ code, message }) {
      report('thrown', { code, message })
    }
    if (generation.isSuccessor) setInterval(() => undefined, 1_000)
    else reportLife(() => server.address())`)
  const { port } = (await program.waitForGeneration(0, { deadlineMs })) as { port: number }
  expect(program.events.find(({ event }) => event === 'thrown')).toMatchObject({
    code: 'ERR_ENDLESS_OPTION_CONFLICT',
    message: expect.stringContaining("'readyTimeoutMs'") as string,
  })
  program.signal('SIGHUP')
  const { error } = await program.waitForEvent('restart-failed', { step: 'it fails', deadlineMs })
  expect((error as Error).message).toContain('was not ready after 1 s')
  expect((await get(port)).headers['x-generation']).toBe('0')
})

test.each([
  ['throws', `() => { throw new Error('no license') }`],
  ['rejects', `async () => { throw new Error('no license') }`],
])('a beforeBegin that %s ends the program with its error', async (_, beforeBegin) => {
  const program = run(`
    const server = endless(answer, { beforeBegin: ${beforeBegin} }).listen(0)
    reportLife()`)
  expect(await program.waitForExit({ step: 'it dies', deadlineMs })).toMatchObject({ code: 1 })
  await program.waitForLine(/Error: no license/, says)
  expect(program.generations).toEqual([])
})

test('a pid file in a directory that is missing ends the program at its start', async () => {
  const pidFile = path.join(temporaryDirectory(), 'missing/app.pid')
  const program = startFixture('serves.mjs', { args: [JSON.stringify({ pidFile })] })
  expect(await program.waitForExit({ step: 'it dies', deadlineMs })).toMatchObject({ code: 1 })
  const [, named] = await program.waitForLine(
    /^EndlessError: Cannot keep a pid file at (.*): its directory is missing/,
    says,
  )
  expect(named).toBe(pidFile)
  expect(program.generations).toEqual([])
})

test('a directory of the pid file that is lost later is the reason of a rollback, and of nothing else', async () => {
  const directory = path.join(temporaryDirectory(), 'run')
  const pidFile = path.join(directory, 'app.pid')
  mkdirSync(directory)
  const program = startFixture('serves.mjs', { args: [JSON.stringify({ pidFile })] })
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  expect(readFileSync(pidFile, 'utf8')).toBe(`${program.pid}\n`)
  rmSync(directory, { recursive: true })
  program.signal('SIGHUP')
  const { error } = await program.waitForEvent('restart-failed', { step: 'it fails', deadlineMs })
  expect(error).toMatchObject({ cause: { code: 'ERR_ENDLESS_PID_FILE' } })
  expect((error as Error).message).toContain(pidFile)
  expect((await get(port)).headers['x-generation']).toBe('0')
  mkdirSync(directory)
  program.signal('SIGHUP')
  const { pid } = await program.waitForGeneration(1, { deadlineMs })
  expect(readFileSync(pidFile, 'utf8')).toBe(`${pid}\n`)
  rmSync(directory, { recursive: true })
  program.signal('SIGTERM')
  await program.waitForEvent((event) => event.event === 'exit' && event.pid === pid, {
    step: 'it exits',
    deadlineMs,
  })
  expect(program.events.at(-1)).toMatchObject({ code: 0 })
  expect(existsSync(directory)).toBe(false)
})

/** Runs these lines of a program. */
function run(lines: string): Program {
  const imports = `
    import { endless, generation, listenAndServe } from '@endless/core'
    import { answer, report, reportLife } from './fixtures/support.mjs'
    `
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  return startProgram({ args: ['--input-type=module', '--eval', imports + lines], cwd })
}

/** Listens on a port on loopback, and answers which. */
async function usePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await until(() => server.listening, { step: 'the port is in use', deadlineMs })
  return (server.address() as AddressInfo).port
}
