// Proves that a successor which cannot serve costs nothing: the old generation serves on and says
// why, and the next restart works.
import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EndlessError } from '@endless/core'
import { createLoad, type Load, type Program } from '@endless/load'
import { expect, onTestFinished, test } from 'vitest'
import {
  get,
  openGate,
  startProgram,
  temporaryDirectory,
  until,
  waitForGate,
} from '../helpers/index.js'

const deadlineMs = 15_000
const hangs = { readyTimeoutMs: 1_500 }
const exited = 'ERR_ENDLESS_SUCCESSOR_EXITED'
const late = 'ERR_ENDLESS_READY_TIMEOUT'

const fixture = (name: string) => new URL(`../fixtures/${name}`, import.meta.url).href
const good = `import '${fixture('serves.mjs')}'`
const imports = `
import { endless, listenAndServeTLS } from '${import.meta.resolve('@endless/core')}'
import { answer, gate, reportLife, restart } from '${fixture('support.mjs')}'
`

test.each<[string, string | undefined, Partial<EndlessError> & { says: RegExp }]>([
  [
    'throws at its start',
    `throw new TypeError('no database')`,
    {
      exitCode: 1,
      cause: { name: 'TypeError', message: 'no database' },
      says: /^Generation 1 \(pid \d+\) exited with code 1 before it had taken over: TypeError: no database \(\/.*app\.mjs:1:7\)\. Generation 0 \(pid \d+\) still serves\.$/,
    },
  ],
  ['has a syntax error', 'const = 1', { exitCode: 1, says: /SyntaxError: Unexpected token/ }],
  [
    'imports what is not there',
    `import { nothing } from 'node:fs'`,
    { exitCode: 1, says: /SyntaxError: .*'nothing' \(\/.*app\.mjs:1\)\. Generation 0 / },
  ],
  [
    'has lost its entry',
    undefined,
    {
      exitCode: 1,
      cause: { code: 'MODULE_NOT_FOUND' },
      says: /Cannot find module '.*app\.mjs'/,
    },
  ],
  [
    'misses a dependency',
    `import 'no-such-package'`,
    { exitCode: 1, cause: { code: 'ERR_MODULE_NOT_FOUND' }, says: /'no-such-package'/ },
  ],
  [
    'rejects while it loads',
    `await Promise.reject(new RangeError('no shard'))`,
    { exitCode: 1, cause: { name: 'RangeError' }, says: /RangeError: no shard/ },
  ],
  ['exits with 0', 'process.exit()', { exitCode: 0, says: /exited with code 0 before/ }],
  ['has nothing to do', '', { exitCode: 0, says: /exited with code 0 before/ }],
  [
    'has handled an error and exits with 0',
    `process.on('uncaughtException', (error) => console.error('handled', error))
     setImmediate(() => { throw new TypeError('no cache') })
     setTimeout(() => process.exit(), 100)`,
    {
      exitCode: 0,
      says: /exited with code 0 before it had taken over\. Generation 0 /,
    },
  ],
  [
    'has handled an error by its exit',
    `process.on('uncaughtException', (error) => setTimeout(() => process.exit(3), 50))
     setImmediate(() => { throw new TypeError('no cache') })`,
    {
      exitCode: 3,
      cause: { name: 'TypeError', message: 'no cache' },
      says: /exited with code 3 before it had taken over: TypeError: no cache \(/,
    },
  ],
  [
    'complains and exits',
    `console.error('reading the license')
     console.error('the license has expired')
     process.exit(7)`,
    {
      exitCode: 7,
      stderr: ['reading the license', 'the license has expired'],
      says: /exited with code 7 before it had taken over: the license has expired\./,
    },
  ],
  [
    'is ended by a signal',
    `process.kill(process.pid, 'SIGKILL')
     setInterval(() => {}, 1_000)`,
    { exitCode: null, signal: 'SIGKILL', says: /was ended by SIGKILL before/ },
  ],
])('a successor that %s is rolled back', async (_, release, { says, ...expected }) => {
  const service = await deploy()
  service.write(release)
  const error = await service.failToRestart()
  expect(error).toMatchObject({ code: exited, signal: null, ...expected })
  expect(error.message).toMatch(says)
  await service.restartWell()
})

test.each([
  ['hangs', 'setInterval(() => {}, 1_000)'],
  ['never calls ready()', `endless(answer, { ready: 'manual' }).listen(0)`],
])('a successor that %s is ended when its time is over', async (_, release) => {
  const service = await deploy(hangs)
  service.write(imports + release)
  const error = await service.failToRestart()
  expect(error).toMatchObject({ code: late, exitCode: null, signal: null })
  expect(error.message).toMatch(
    /^Generation 1 \(pid \d+\) was not ready after 1\.5 s\. Generation 0 \(pid \d+\) still serves\.$/,
  )
  await service.restartWell()
})

test.each([
  ['is killed', `process.kill(process.pid, 'SIGKILL')`, { code: exited, signal: 'SIGKILL' }],
  ['exits', 'process.exit(3)', { code: exited, exitCode: 3 }],
  // It has caught SIGTERM by then, and will never come to handle it.
  ['blocks', 'for (;;);', { code: late }],
])('a successor that listens and then %s costs no request', async (_, end, expected) => {
  const service = await deploy(hangs)
  const load = createLoad({
    port: service.port,
    keepAliveConnections: 10,
    freshPerSecond: 200,
    settleMs: 200,
  })
  load.start()
  await answersMore(load, 100)
  service.write(`${imports}
    endless(answer, { ready: 'manual' }).listen(0)
    await gate('listens')
    ${end}`)
  const failed = service.failToRestart()
  const gate = await waitForGate(service.program, 1)
  await answersMore(load, 100)
  await openGate(gate)
  expect(await failed).toMatchObject(expected)
  await answersMore(load, 100)
  expect(load.snapshot().generations).toMatchObject([{ pid: service.program.pid }])
  load.markRestart()
  await service.restartWell()
  await load.settled()
  const { failures, generations } = await load.stop()
  expect(failures).toEqual([])
  expect(generations.map(({ generation }) => generation)).toEqual([0, 1])
})

test('a successor whose new port is in use is rolled back with the reason', async () => {
  const taken = net.createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void taken.close())
  await until(() => taken.listening, { step: 'the port is taken', deadlineMs })
  const { port } = taken.address() as AddressInfo
  const service = await deploy()
  service.write(`${good}\n${imports}\nendless(answer).listen(${port}, '127.0.0.1')`)
  const error = await service.failToRestart()
  expect(error).toMatchObject({ code: exited, exitCode: 1, cause: { code: 'EADDRINUSE' } })
  expect(error.message).toContain(`address already in use 127.0.0.1:${port}`)
  await service.restartWell()
})

test('a successor whose certificate has gone is rolled back, and restarted when it is there again', async () => {
  const directory = temporaryDirectory()
  const certificate = path.join(directory, 'server.crt')
  const key = fileURLToPath(fixture('certificates/localhost.key'))
  const link = () => symlinkSync(fileURLToPath(fixture('certificates/chain.crt')), certificate)
  link()
  const release = `${imports}
    let port
    reportLife(() => ({ port }))
    const handler = (request, response) => {
      if (request.url === '/restart') restart()
      answer(request, response)
    }
    const beforeBegin = (address) => (port = Number(address.split(':')[1]))
    await listenAndServeTLS('127.0.0.1:0', '${certificate}', '${key}', handler, { beforeBegin })`
  const service = await deploy({}, release)
  rmSync(certificate)
  const error = await service.failToRestart()
  expect(error).toMatchObject({
    code: exited,
    exitCode: 1,
    cause: { code: 'ERR_ENDLESS_INVALID_CERTIFICATE' },
  })
  expect(error.message).toContain(certificate)
  link()
  await service.restartWell()
})

test.each([
  ['is not there', (directory: string) => path.join(directory, 'node'), /ENOENT/],
  ['is no name at all', () => '', /empty/],
])('a successor.command that %s is a failed restart', async (_, name, says) => {
  const command = name(temporaryDirectory())
  const service = await deploy({ successor: { command } })
  const error = await service.failToRestart()
  expect(error).toMatchObject({ code: 'ERR_ENDLESS_SPAWN_FAILED' })
  expect(error.message).toMatch(says)
  expect(error.message).toMatch(
    /^Could not start generation 1: .* Generation 0 \(pid \d+\) still serves\.$/,
  )
  if (command === '') return
  symlinkSync(process.execPath, command)
  await service.restartWell()
})

/** Resolves when the load has been answered that many times more. */
async function answersMore(load: Load, count: number): Promise<void> {
  const before = load.snapshot().answered
  await until(() => load.snapshot().answered >= before + count, {
    step: `${count} more requests are answered`,
    deadlineMs,
  })
}

/** Starts a program whose text is its release, and can be another one at each restart. */
async function deploy(options: object = {}, first = good): Promise<Service> {
  const file = path.join(temporaryDirectory(), 'app.mjs')
  writeFileSync(file, first)
  const program = startProgram({ args: [file, JSON.stringify(options)] })
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  return new Service(file, first, program, port)
}

class Service {
  readonly program: Program
  readonly port: number
  readonly #file: string
  readonly #first: string

  constructor(file: string, first: string, program: Program, port: number) {
    this.#file = file
    this.#first = first
    this.program = program
    this.port = port
  }

  /** Puts another release in place, or none. */
  write(release: string | undefined): void {
    if (release === undefined) rmSync(this.#file)
    else writeFileSync(this.#file, release)
  }

  /** Restarts; resolves with the error when the old generation is alone again, and serves. */
  async failToRestart(): Promise<EndlessError> {
    const { program } = this
    await this.#restart()
    const rejected = await program.waitForEvent('restart-rejected', {
      step: 'restart() rejects',
      deadlineMs,
    })
    const error = rejected['error'] as EndlessError
    expect(error).toMatchObject({ name: 'EndlessError' })
    expect(program.events.filter(({ event }) => event === 'restart-failed')).toEqual([
      { event: 'restart-failed', pid: program.pid, generation: 0, error },
    ])
    const [, logged] = await program.waitForLine(/Restart failed: (.*)/, {
      step: 'the failure is logged',
      deadlineMs,
    })
    expect(error.message.split('\n')[0]).toBe(logged)
    expect(program.alive).toEqual([program.pid])
    expect((await this.#get('/')).headers['x-generation']).toBe('0')
    return error
  }

  /** Puts the first release back and restarts. */
  async restartWell(): Promise<void> {
    this.write(this.#first)
    await this.#restart()
    const { port } = await this.program.waitForGeneration(1, { deadlineMs })
    expect(port).toBe(this.port)
    expect((await this.#get('/')).headers['x-generation']).toBe('1')
  }

  async #restart(): Promise<void> {
    await this.#get('/restart')
  }

  #get(url: string): ReturnType<typeof get> {
    return get(this.port, url, this.#first === good ? {} : { tls: {} })
  }
}
