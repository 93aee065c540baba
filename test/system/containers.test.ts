// Proves what a service does in a container, where it or its init is pid 1 and the kernel applies no default
// action of a signal to it: in a pid namespace of its own. Needs root, unshare, and tini (.ci/packages).
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLoad, get as loadGet } from '@endless/load'
import { describe, expect, test } from 'vitest'
import {
  connectRaw,
  endless,
  get,
  startProgram,
  temporaryDirectory,
  until,
  type Program,
} from '../helpers/index.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const slowService = path.join(root, 'examples/test-server/app.js')
const fixtures = path.join(root, 'test/fixtures')
const supervisor = [process.execPath, endless, 'run']
const deadlineMs = 15_000

/** What can be pid 1 and let the service outlive a restart. */
const lasting = [
  ['endless run', supervisor],
  ['tini, with endless run', ['tini', '--', ...supervisor]],
] as const
/** What can be pid 1 and ends with the process that it was started with. */
const passing = [
  ['the service itself', [process.execPath]],
  ['tini', ['tini', '--', process.execPath]],
] as const

describe.each([...passing, ...lasting])('pid 1 is %s', (_, command) => {
  test('SIGTERM ends the container with code 0, when the requests that were read are answered', async () => {
    const container = await startService([...command, slowService])
    const client = await connectRaw(container.port)
    client.request('/stream?ms=1000')
    await until(() => client.received.includes('generation 0'), { step: 'it answers', deadlineMs })
    container.signal('SIGTERM')
    const [response] = await client.waitForResponses(1)
    expect(response?.body).toMatch(/done\n$/)
    client.end()
    expect(await container.end()).toEqual({ code: 0, signal: null })
    await expect(get(container.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})

test.each(passing)('pid 1 is %s: a restart is the end of the container', async (_, command) => {
  const container = await startService([...command, slowService])
  container.signal('SIGHUP')
  await container.program.waitForLine(/generation 1 \(pid \d+\) serves/, {
    step: 'generation 1 takes over',
    deadlineMs,
  })
  expect(await container.end()).toEqual({ code: 0, signal: null })
  await expect(get(container.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test.each(lasting)('pid 1 is %s: restarts under load lose nothing', async (_, command) => {
  const restarts = 5
  const container = await startService([...command, slowService])
  const { port, processes } = container
  const load = createLoad({
    port,
    keepAliveConnections: 20,
    freshPerSecond: 50,
    settleMs: 100,
    calls: [loadGet('/'), loadGet('/sleep?ms=20')],
    identify: ({ body }) => {
      const [, generation, pid] = /generation (\d+), pid (\d+)/.exec(body.toString()) ?? []
      return pid === undefined ? undefined : { pid: Number(pid), generation: Number(generation) }
    },
  })
  load.start()
  await until(() => load.snapshot().answered > 100, { step: 'answers', deadlineMs })
  for (let number = 1; number <= restarts; number++) {
    load.markRestart()
    container.signal('SIGHUP')
    await load.settled()
  }
  const { failures, generations } = await load.stop()
  expect(failures).toEqual([])
  expect(generations.map(({ generation }) => generation)).toEqual([0, 1, 2, 3, 4, 5])
  await until(() => container.processes.length === processes.length, {
    step: 'no more is left than at the start',
    deadlineMs,
    explain: () => JSON.stringify(container.processes),
  })
})

describe('a SIGTERM before the service listens', () => {
  const service = path.join(fixtures, 'listens-when-told.mjs')

  test('is lost on a pid 1 that is the service itself', async () => {
    const container = await startContainer([process.execPath, service])
    const gate = await waitForGate(container)
    container.signal('SIGTERM')
    net.connect(gate, '127.0.0.1').on('error', () => undefined)
    const port = await waitForPort(container)
    expect((await get(port)).body).toBe('hello')
    container.signal('SIGTERM')
    expect(await container.end()).toEqual({ code: 0, signal: null })
  })

  test.each([passing[1], ...lasting])('is the end where pid 1 is %s', async (_, command) => {
    const container = await startContainer([...command, service])
    await waitForGate(container)
    container.signal('SIGTERM')
    expect(await container.end()).toEqual({ code: 143, signal: null })
  })
})

test('a shell as pid 1 keeps SIGTERM to itself', async () => {
  const container = await startService(['sh', '-c', `'${process.execPath}' '${slowService}'`])
  container.signal('SIGTERM')
  expect((await get(container.port, '/sleep?ms=300')).status).toBe(200)
  expect((await get(container.port)).status).toBe(200)
})

describe('a process whose parent is gone', () => {
  const service = path.join(fixtures, 'leaves-orphans.mjs')
  const count = 5
  const orphansOf = ({ processes }: Container) => processes.filter(({ name }) => name === 'sleep')

  test.each([passing[0], lasting[0]])('stays a zombie where pid 1 is %s', async (_, command) => {
    const container = await startService([...command, service])
    for (let n = 0; n < count; n++) await get(container.port)
    const areZombies = () => {
      const states = orphansOf(container).map(({ state }) => state)
      return states.join('') === 'Z'.repeat(count)
    }
    await until(areZombies, { step: 'each is a zombie', deadlineMs })
  })

  test.each([passing[1], lasting[1]])('is reaped where pid 1 is %s', async (_, command) => {
    const container = await startService([...command, service])
    for (let n = 0; n < count; n++) await get(container.port)
    await until(() => orphansOf(container).length === 0, { step: 'none is left', deadlineMs })
  })
})

describe('examples/docker', () => {
  test('runs without a shell, and docker stop needs no SIGKILL whatever a client does', async () => {
    const { command, cwd, env } = readImage()
    const container = await startService(command, { cwd, env })
    expect(container.processes.map(({ name }) => name)).not.toContain('sh')
    const client = await connectRaw(container.port)
    client.write('GET / HTTP/1.1\r\nHost: loc') // and never the rest
    await get(container.port)
    const beganMs = performance.now()
    container.signal('SIGTERM')
    expect(await container.end()).toEqual({ code: 0, signal: null })
    const durationMs = performance.now() - beganMs
    expect(durationMs).toBeGreaterThan(6_900) // the hammer
    expect(durationMs).toBeLessThan(10_000) // docker stop
  })

  test('with a health route of examples/kubernetes: 503 tells of a SIGTERM to pid 1 while requests are answered', async () => {
    const { command, env } = readImage()
    const container = await startService([...command.slice(0, -1), 'express.js'], {
      cwd: path.join(root, 'examples/kubernetes'),
      env: { ...env, SHUTDOWN_DELAY_MS: '60000' },
    })
    const { port } = container
    expect((await get(port, '/health')).status).toBe(200)
    container.signal('SIGTERM')
    const tells = async () => (await get(port, '/health')).status === 503
    await until(tells, { step: 'the health route tells', deadlineMs })
    expect((await get(port)).status).toBe(200)
    container.signal('SIGUSR2')
    expect(await container.end()).toEqual({ code: 0, signal: null })
  })

  test('docker exec waits for the outcome of a restart, and the container goes on', async () => {
    const { command, cwd, env } = readImage()
    const container = await startService(command, { cwd, env })
    const exec = async (...words: string[]) => {
      const inside = ['--target', String(container.pid), '--pid', '--mount', '--', 'endless']
      const control = ['--control', controlOf(command)]
      const args = [...inside, ...words, ...control]
      const program = startProgram({ command: 'nsenter', args, cwd, env })
      const { code } = await program.waitForExit({ step: `${words[0]} ends`, deadlineMs })
      expect(code, program.output.toString()).toBe(0)
      return program.stdout
    }
    expect(await exec('restart', '--wait', 'drained')).toMatch(/generation 1 .* has taken over/)
    expect((await get(container.port)).body).toMatch(/generation 1/)
    const status = JSON.parse(await exec('status', '--json')) as object
    expect(status).toMatchObject({ generations: [{ number: 1, state: 'running' }] })
    container.signal('SIGTERM')
    expect(await container.end()).toEqual({ code: 0, signal: null })
  })

  test('has production dependencies alone, and a user who is not root', () => {
    const dockerfile = readFileSync(path.join(root, 'examples/docker/Dockerfile'), 'utf8')
    const [, build = '', image = ''] = dockerfile.split(/^FROM /m)
    expect(build).toMatch(/^RUN npm ci --omit=dev$/m)
    expect(image).not.toMatch(/npm/)
    expect(image).toMatch(/^USER node$/m)
  })
})

interface Container {
  program: Program
  /** Of its pid 1, as it is seen from outside. */
  pid: number
  /** What runs in it beside pid 1, and what has ended there and was not reaped. */
  readonly processes: { name: string; state: string }[]
  /** Signals its pid 1, as `docker kill` does. */
  signal(signal: NodeJS.Signals): void
  /** Resolves when it has ended, with how its pid 1 did. */
  end(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** Runs a command as pid 1 of a pid namespace; what is left in that when the test has ended is killed by the kernel. */
async function startContainer(
  command: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Container> {
  const program = startProgram({
    command: 'unshare',
    args: ['--pid', '--fork', '--mount-proc', '--kill-child', '--', ...command],
    ...options,
    env: { PORT: '0', ...options.env },
  })
  const pid = await until(() => childrenOf(program.pid)[0], {
    step: 'pid 1 is there',
    deadlineMs,
    explain: () => program.output.toString(),
  })
  return {
    program,
    pid,
    get processes() {
      return descendantsOf(pid)
    },
    signal: (signal) => process.kill(pid, signal),
    end: () => program.waitForExit({ step: 'the container ends', deadlineMs }),
  }
}

/** Starts a container, and waits until its service listens. */
async function startService(
  ...args: Parameters<typeof startContainer>
): Promise<Container & { port: number }> {
  const container = await startContainer(...args)
  return Object.assign(container, { port: await waitForPort(container) })
}

async function waitForPort({ program }: Container): Promise<number> {
  const wait = { step: 'it listens', deadlineMs }
  const [, port] = await program.waitForLine(/serves \S+:(\d+)/, wait)
  return Number(port)
}

async function waitForGate({ program }: Container): Promise<number> {
  const [, gate] = await program.waitForLine(/^booting, gate (\d+)/, { step: 'boots', deadlineMs })
  return Number(gate)
}

/** What the Dockerfile runs, and where; `endless` is on its PATH as npm would have installed it. */
function readImage(): { command: string[]; cwd: string; env: NodeJS.ProcessEnv } {
  const cwd = path.join(root, 'examples/docker')
  const dockerfile = readFileSync(path.join(cwd, 'Dockerfile'), 'utf8')
  const listOf = (instruction: string) =>
    JSON.parse(new RegExp(`^${instruction} (.*)$`, 'm').exec(dockerfile)?.[1] ?? '') as string[]
  const bin = temporaryDirectory()
  const command = [...listOf('ENTRYPOINT'), ...listOf('CMD')]
  const [node, main] = supervisor
  writeFileSync(path.join(bin, 'endless'), `#!/bin/sh\nexec '${node}' '${main}' "$@"\n`)
  chmodSync(path.join(bin, 'endless'), 0o755)
  return {
    // A container has a /tmp of its own.
    command: command.map((word) => word.replace(/^\/tmp/, bin)),
    cwd,
    env: { PATH: `${bin}:${process.env['PATH']}` },
  }
}

/** The control socket of a command line. */
function controlOf(command: string[]): string {
  return command[command.indexOf('--control') + 1] ?? ''
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}

function descendantsOf(pid: number): { name: string; state: string }[] {
  return childrenOf(pid).flatMap((child) => {
    try {
      const stat = readFileSync(`/proc/${child}/stat`, 'latin1')
      const [, name = '', state = ''] = /\((.*)\) (\S)/.exec(stat) ?? []
      return [{ name, state }, ...descendantsOf(child)]
    } catch {
      return [] // it has been reaped since the look
    }
  })
}
