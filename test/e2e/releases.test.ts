// Proves that a restart starts the release that a symbolic link leads to now, however the first
// generation was started, and also when the old release is no longer there.
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import {
  endless,
  get,
  installCore,
  startProgram,
  temporaryDirectory,
  type Program,
} from '../helpers/index.js'

const deadlineMs = 15_000

/** How a program is started: from where, with which PWD, and by which name; `/` is the service. */
interface Start {
  cwd: string
  pwd: string | undefined
  entry: string
  /** Under `endless run`. */
  isSupervised?: boolean
  /** `successor.cwd` of the service. */
  successorCwd?: string
}

const byLink: [string, Start][] = [
  ['node app.mjs', { cwd: '/current', pwd: '/current', entry: 'app.mjs' }],
  ['node app.cjs', { cwd: '/current', pwd: '/current', entry: 'app.cjs' }],
  ['node dist/app.cjs in /current/', { cwd: '/current', pwd: '/current/', entry: 'dist/app.cjs' }],
  ['node .', { cwd: '/current', pwd: '/current', entry: '.' }],
  ['node ./', { cwd: '/current', pwd: '/current', entry: './' }],
  ['node app.mjs in dist', { cwd: '/current/dist', pwd: '/current/dist', entry: 'app.mjs' }],
  ['node /current/app.mjs', { cwd: '/current', pwd: '/current', entry: '/current/app.mjs' }],
  ['the same without PWD', { cwd: '/current', pwd: undefined, entry: '/current/app.mjs' }],
  [
    "the same with somebody else's PWD",
    { cwd: '/current', pwd: '/releases', entry: '/current/app.mjs' },
  ],
  [
    'node /current/dist/app.cjs with a PWD that is not there',
    { cwd: '/current', pwd: '/gone', entry: '/current/dist/app.cjs' },
  ],
  [
    'node /current/dist/app.mjs in dist, with a PWD without the link',
    { cwd: '/current/dist', pwd: '/releases/1/dist', entry: '/current/dist/app.mjs' },
  ],
  [
    'node app.mjs with successor.cwd',
    { cwd: '/current', pwd: undefined, entry: 'app.mjs', successorCwd: '/current' },
  ],
  [
    'node . with successor.cwd',
    { cwd: '/releases/1', pwd: '/gone', entry: '.', successorCwd: '/current/' },
  ],
  ['endless run .', { cwd: '/current', pwd: '/current', entry: '.', isSupervised: true }],
  [
    'endless run /current/app.mjs without PWD',
    { cwd: '/current', pwd: undefined, entry: '/current/app.mjs', isSupervised: true },
  ],
  ['node /current/app.mjs from elsewhere', { cwd: '/', pwd: '/', entry: '/current/app.mjs' }],
]

test.each(byLink)(
  '%s: the new release is started, also once the old ones are deleted',
  async (_, start) => {
    const service = new Service()
    const program = service.start(start)
    const { port } = await serving(program, 0, 1)
    service.switchTo(2)
    program.signal('SIGHUP')
    await serving(program, 1, 2)
    service.delete(1)
    service.switchTo(3)
    service.delete(2)
    program.signal('SIGHUP')
    await serving(program, 2, 3)
    expect((await get(port)).body).toBe('release 3')
    expect((await get(port, '/thread')).body).toBe('thread of release 3')
    // Also what is read by a relative name is of that release: templates, .env.
    const directory = start.cwd
      .replace('/current', '/releases/3')
      .replace('/releases/1', '/releases/3')
    expect((await get(port, '/cwd')).body).toBe(service.path(directory).replace(/\/$/, ''))
  },
)

test('endless run /current/app.mjs without PWD: a service that crashes is started again as the new release', async () => {
  const service = new Service()
  const entry = '/current/app.mjs'
  const program = service.start({ cwd: '/current', pwd: undefined, entry, isSupervised: true })
  const { pid, port } = await serving(program, 0, 1)
  service.switchTo(2)
  service.delete(1)
  program.signal('SIGKILL', pid)
  await serving(program, 1, 2)
  expect((await get(port, '/cwd')).body).toBe(service.path('/releases/2'))
})

const byRelease: [string, Start][] = [
  ['without PWD', { cwd: '/current', pwd: undefined, entry: 'app.mjs' }],
  ["with somebody else's PWD", { cwd: '/current', pwd: '/releases', entry: 'app.mjs' }],
  ['with a PWD that is not there', { cwd: '/current', pwd: '/gone', entry: 'dist/app.cjs' }],
]

test.each(byRelease)(
  'a relative entry %s: the old release is restarted, and its lack is the reason of a rollback',
  async (_, start) => {
    const service = new Service()
    const program = service.start(start)
    await serving(program, 0, 1)
    service.switchTo(2)
    program.signal('SIGHUP')
    const { port, pid } = await serving(program, 1, 1)
    service.delete(1)
    program.signal('SIGHUP')
    const { error } = await program.waitForEvent('restart-failed', {
      step: 'the restart fails',
      deadlineMs,
    })
    expect(error).toMatchObject({ code: 'ERR_ENDLESS_SUCCESSOR_EXITED', exitCode: 1 })
    expect((error as Error).message).toContain(
      `Cannot find module '${service.path('/releases/1')}/${start.entry}'`,
    )
    const { headers, body } = await get(port)
    expect([headers['x-pid'], body]).toEqual([String(pid), 'release 1'])
  },
)

/** Resolves when that generation serves, from that release and with the library that is in it. */
async function serving(program: Program, generation: number, release: number) {
  const ready = await program.waitForGeneration(generation, { deadlineMs })
  expect(ready).toMatchObject({
    release,
    core: expect.stringContaining(`/releases/${release}/`) as string,
  })
  return ready as typeof ready & { port: number }
}

/** A directory with the releases 1, 2 and 3, and `current`, a link to one of them. */
class Service {
  readonly #root = temporaryDirectory()

  constructor() {
    for (const release of [1, 2, 3]) {
      const directory = this.path(`/releases/${release}`)
      mkdirSync(path.join(directory, 'dist'), { recursive: true })
      installCore(directory, 'copy')
      writeFileSync(path.join(directory, 'package.json'), '{ "main": "app.cjs" }')
      for (const folder of ['.', 'dist']) {
        const write = (name: string, text: string) =>
          writeFileSync(path.join(directory, folder, name), text)
        write('app.mjs', esm + program(release))
        write('app.cjs', cjs + program(release))
        write('thread.mjs', thread(release))
      }
    }
    this.switchTo(1)
  }

  /** `/current/app.mjs` in the file system. */
  path(name: string): string {
    return path.join(this.#root, name)
  }

  /** Switches the link in one step, as deploy tools do. */
  switchTo(release: number): void {
    symlinkSync(`releases/${release}`, this.path('/next'))
    renameSync(this.path('/next'), this.path('/current'))
  }

  delete(release: number): void {
    rmSync(this.path(`/releases/${release}`), { recursive: true })
  }

  start({ cwd, pwd, entry, isSupervised, successorCwd }: Start): Program {
    const args = [entry.startsWith('/') ? this.path(entry) : entry]
    return startProgram({
      args: isSupervised ? [endless, 'run', ...args] : args,
      cwd: this.path(cwd),
      env: {
        PWD: pwd === undefined ? undefined : this.path(pwd),
        SUCCESSOR_CWD: successorCwd === undefined ? undefined : this.path(successorCwd),
      },
    })
  }
}

const esm = `
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { endless, generation } from '@endless/core'
const [core, here] = [import.meta.resolve('@endless/core'), import.meta.url]
`

const cjs = `
const { pathToFileURL } = require('node:url')
const { Worker } = require('node:worker_threads')
const { endless, generation } = require('@endless/core')
const [core, here] = [require.resolve('@endless/core'), pathToFileURL(__filename)]
`

const program = (release: number) => `
generation.on('ready', () => say('ready', { core, port, release: ${release} }))
generation.on('restart-failed', ({ code, exitCode, message }) =>
  say('restart-failed', { error: { code, exitCode, message } }))
function say(event, more) {
  console.log(JSON.stringify({ event, pid: process.pid, generation: generation.number, ...more }))
}
const { port } = endless((request, response) => {
  response.setHeader('x-pid', process.pid)
  if (request.url === '/thread') {
    const thread = new Worker(new URL('thread.mjs', here))
    thread.on('message', (text) => response.end(text))
    thread.on('error', (error) => response.end(error.message))
  } else response.end(request.url === '/cwd' ? process.cwd() : 'release ${release}')
}, process.env.SUCCESSOR_CWD && { successor: { cwd: process.env.SUCCESSOR_CWD } }).listen(0).address()
`

const thread = (release: number) => `
import { parentPort } from 'node:worker_threads'
parentPort.postMessage('thread of release ${release}')
`
