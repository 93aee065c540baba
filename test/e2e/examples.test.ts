// Proves that each example runs as it stands in the repository: it serves, restarts at a SIGHUP, and ends at a SIGTERM.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import {
  connectHttp2,
  connectRaw,
  get,
  startProgram,
  temporaryDirectory,
  until,
  type Program,
  type RequestOptions,
} from '../helpers/index.js'

const folder = fileURLToPath(new URL('../../examples/', import.meta.url))
const authority = new URL('../fixtures/certificates/authority.crt', import.meta.url)
const deadlineMs = 15_000

interface Example {
  /** What the generation answers that has a pid and a number. */
  answers: (generation: { pid: number; number: number }) => unknown
  options?: RequestOptions
  /** @default 1 */
  ports?: number
  /** @default 'app.js' */
  script?: string
}

const greets = ({ pid }: { pid: number }) => JSON.stringify({ hello: 'world', pid })

const examples: Record<string, Example> = {
  http: { answers: ({ pid, number }) => `Hello from generation ${number}, pid ${pid}\n` },
  express: { answers: greets },
  koa: { answers: greets },
  fastify: { answers: greets },
  'multi-port': { answers: () => 'Hello\n', ports: 2 },
  hooks: { answers: () => 'Hello\n' },
  tls: {
    answers: ({ number }) => `Hello from generation ${number}\n`,
    options: { host: 'localhost', tls: { ca: readFileSync(authority, 'utf8') } },
  },
  websocket: { answers: ({ pid, number }) => `Hello from generation ${number}, pid ${pid}\n` },
  http2: {
    answers: ({ number }) => `Hello by HTTP/1.1 from generation ${number}\n`,
    options: { host: 'localhost', tls: { ca: readFileSync(authority, 'utf8') } },
  },
  docker: { answers: ({ pid, number }) => `Hello from generation ${number}, pid ${pid}\n` },
  systemd: { answers: ({ pid, number }) => `Hello from generation ${number}, pid ${pid}\n` },
  kubernetes: {
    script: 'http.js',
    answers: ({ pid, number }) => `Hello from generation ${number}, pid ${pid}\n`,
  },
  'test-server': { answers: ({ pid, number }) => `generation ${number}, pid ${pid}\n` },
}

/** Configurations of other programs: test/system runs them. */
const configurations = ['haproxy', 'nginx']

test('every example is run here, or with the program that it configures', () => {
  const names = readdirSync(folder).filter((name) => !name.includes('.'))
  expect(names.sort()).toEqual([...Object.keys(examples), ...configurations].sort())
})

test.each(Object.entries(examples))(
  '%s serves, restarts and ends',
  async (name, { answers, options, ports: count = 1 }) => {
    const program = startExample(name)
    const [port = 0] = await portsOf(program, count)
    const ask = async () => (await get(port, '/', options)).body
    expect(await ask()).toBe(answers({ pid: program.pid, number: 0 }))

    const successor = await restart(program)
    expect(await ask()).toBe(answers({ pid: successor, number: 1 }))
    await program.waitForExit({ step: 'generation 0 exits', deadlineMs })

    program.signal('SIGTERM', successor)
    await program.waitForEnd(successor, { step: 'generation 1 exits', deadlineMs })
  },
)

test('http2 speaks HTTP/2 to those who can, before and after a restart', async () => {
  const program = startExample('http2')
  const [port = 0] = await portsOf(program, 1)
  const first = await connectHttp2(port, { tls: true })
  expect(await first.get('/')).toMatchObject({ body: 'Hello by HTTP/2.0 from generation 0\n' })
  await restart(program)
  await first.waitForEnd()
  const second = await connectHttp2(port, { tls: true })
  expect(await second.get('/')).toMatchObject({ body: 'Hello by HTTP/2.0 from generation 1\n' })
})

test('multi-port tells its status on its second port, before and after a restart', async () => {
  const program = startExample('multi-port')
  const [, statusPort = 0] = await portsOf(program, 2)
  const status = async () => JSON.parse((await get(statusPort)).body) as object
  expect(await status()).toMatchObject({ number: 0, pid: program.pid, state: 'running' })
  const successor = await restart(program)
  expect(await status()).toMatchObject({ number: 1, pid: successor, state: 'running' })
})

test('hooks can be told by its pid file, and says what it does', async () => {
  const directory = temporaryDirectory()
  const program = startExample('hooks', directory)
  await portsOf(program, 1)
  const file = path.join(directory, 'app.pid')
  // Its line says that it is bound; the file is written when it serves.
  await until(() => existsSync(file), { step: 'the pid file is there', deadlineMs })
  const pidFile = () => Number(readFileSync(file, 'utf8'))
  const { pid } = program
  expect(pidFile()).toBe(pid)
  program.signal('SIGUSR1', pid)
  await program.waitForLine(/SIGUSR1/, { step: 'its hook for SIGUSR1 has run', deadlineMs })
  const successor = await restart(program)
  await program.waitForExit({ step: 'generation 0 exits', deadlineMs })
  expect(pidFile()).toBe(successor)
  expect(linesOf(program, pid)).toEqual([
    expect.stringMatching(/^bound /),
    'SIGUSR1',
    'about to restart',
    `pid ${successor} has taken over`,
    'drained',
    'going',
    'disconnecting from the database',
  ])
})

test('test-server answers a slow request through a restart', async () => {
  const program = startExample('test-server')
  const [port = 0] = await portsOf(program, 1)
  const sleeping = get(port, '/sleep?ms=1000')
  const client = await connectRaw(port)
  client.request('/stream?ms=1000')
  const line = `generation 0, pid ${program.pid}\n`
  await until(() => client.received.includes(line), { step: 'the stream begins', deadlineMs })

  const successor = await restart(program)
  expect((await get(port)).body).toBe(`generation 1, pid ${successor}\n`)
  expect((await sleeping).body).toBe(line)
  const [stream] = await client.waitForResponses(1)
  expect(stream?.body).toMatch(/done\n$/)
})

/** Starts an example on ports that the system gives. */
function startExample(name: string, cwd = temporaryDirectory()): Program {
  const args = [path.join(folder, name, examples[name]?.script ?? 'app.js')]
  return startProgram({ args, cwd, env: { PORT: '0', STATUS_PORT: '0' } })
}

/** Resolves with the ports of the first generation, in the order in which it bound them. */
async function portsOf(program: Program, count: number): Promise<number[]> {
  const lines = /generation 0 \(pid \d+\) (?:also )?serves (.*)/g
  const ports = () =>
    [...program.output.toString().matchAll(lines)].flatMap(([, addresses = '']) =>
      // Fastify's log is JSON.
      addresses.split(', ').map((address) => Number(/:(\d+)\W*$/.exec(address)?.[1])),
    )
  await until(() => ports().length >= count, {
    step: `it listens on ${count} ports`,
    deadlineMs,
    explain: () => program.output.toString(),
  })
  return ports()
}

/** Restarts the first generation by SIGHUP; resolves with the pid of the second once it serves. */
async function restart(program: Program): Promise<number> {
  program.signal('SIGHUP', program.pid)
  const [, pid] = await program.waitForLine(/generation 1 \(pid (\d+)\) serves/, {
    step: 'generation 1 takes over',
    deadlineMs,
  })
  return Number(pid)
}

/** What one generation of the example `hooks` has said. */
function linesOf(program: Program, pid: number): string[] {
  return program.stdout
    .split('\n')
    .filter((line) => line.includes(`, pid ${pid}: `))
    .map((line) => line.replace(/^.*?, pid \d+: /, ''))
}
