import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { GenerationStatus, LastRestart } from '@endless/core'
import { createLoad, type Load, type Program, type ProgramEvent, until } from '@endless/load'
import { expect, onTestFinished } from 'vitest'
import { get } from './http-client.js'
import { runEndless, startFixture, superviseFixture } from './program.js'
import { temporaryDirectory } from './temporary.js'

// Services whose versions are on probation, and what tests ask of them.

const deadlineMs = 30_000
/** Longer than any test: a probation that a test must end. */
export const longProbation = { probationMs: 600_000 }

export type How = 'alone' | 'under a supervisor' | 'with two workers'

/** What `serves-on-probation.mjs` does, from the next start on. */
export interface Release {
  ports: number
  path?: string
  /** Which share of its answers is a 500. */
  errors?: number
  /** How long a worker boots, by its slot, in ms. */
  bootMs?: number[]
  /** How long it is blocked once it is ready, in ms. */
  blocksMs?: number
}
/** What `GET /status` tells, as far as it counts here. */
export interface Told {
  generations: (GenerationStatus & { slot?: number })[]
  lastRestart: LastRestart | null
}
interface Ready extends ProgramEvent {
  port: number
  ports: number[]
}

/** Starts a program, and finds it by its pid file. */
export async function serveOnProbation(
  how: How,
  fixture: string,
  argsOf: (pidFile: string) => string[],
) {
  const pidFile = path.join(temporaryDirectory(), 'app.pid')
  const args = argsOf(pidFile)
  const runArgs = how === 'with two workers' ? ['--workers', '2'] : []
  const program =
    how === 'alone' ? startFixture(fixture, { args }) : superviseFixture(fixture, { args, runArgs })
  const first = (await program.waitForGeneration(0, { deadlineMs })) as unknown as Ready
  const control = `${pidFile}.sock`
  await until(() => existsSync(control), { step: 'the control socket is there', deadlineMs })
  const ask = async (method: 'GET' | 'POST', target: string) => {
    const { status, body } = await get(0, target, { socketPath: control, method, deadlineMs })
    return { status, body: JSON.parse(body) as Record<string, unknown> }
  }
  return {
    program,
    first,
    port: first.port,
    pidFile,
    ask,
    status: async () => (await ask('GET', '/status')).body as unknown as Told,
    pidInFile: () => Number(readFileSync(pidFile, 'utf8')),
    endless: async (...words: string[]) => {
      const command = runEndless([...words, '--pid-file', pidFile])
      const { code } = await command.waitForExit({ step: `${words.join(' ')} ends`, deadlineMs })
      await command.end() // all of its output has come
      return { code, out: command.stdout.trimEnd(), err: command.stderr.trimEnd() }
    },
    restart: async (query = '') => {
      const { status, body } = await ask('POST', `/restart?wait=ready${query}`)
      expect(body).toMatchObject({ pid: expect.any(Number) as number })
      expect(status).toBe(200)
      return body as { pid: number; number: number; probationMs?: number }
    },
  }
}

/** Starts a service whose next release is what is deployed then. */
export async function startOnProbation(
  how: How,
  options: object = longProbation,
  release: Release = { ports: 1 },
) {
  const file = path.join(temporaryDirectory(), 'release')
  const deploy = (next: Release): void => writeFileSync(file, JSON.stringify(next))
  deploy(release)
  const service = await serveOnProbation(how, 'serves-on-probation.mjs', (pidFile) => [
    file,
    JSON.stringify({ pidFile, ...options }),
  ])
  return { ...service, deploy }
}

export const eventOf = (program: Program, name: string, pid: number, since = 0) =>
  program.waitForEvent((each) => each.event === name && each.pid === pid, {
    step: `${name} of ${pid}`,
    deadlineMs,
    since,
  })

export const eventsOf = ({ events }: Program, pid: number) =>
  events.filter((each) => each.pid === pid).map((each) => each.event)

export const answersWith = async (port: number): Promise<number> =>
  Number((await get(port)).headers['x-pid'])

/** Resolves when nobody listens on a port any more. */
export const isRefused = (port: number) =>
  until(
    () =>
      get(port).then(
        () => false,
        (error: unknown) => (error as NodeJS.ErrnoException).code === 'ECONNREFUSED',
      ),
    { step: 'connections are refused', deadlineMs },
  )

/** Puts load on a service; resolves when some requests were answered. */
export async function putLoad(port: number): Promise<Load> {
  const clients = createLoad({
    port,
    keepAliveConnections: 40,
    thinkMs: [5, 25],
    freshPerSecond: 150,
  })
  clients.start()
  onTestFinished(async () => {
    await clients.stop()
  })
  await answersMore(clients)
  return clients
}

export async function answersMore(clients: Load, count = 100): Promise<void> {
  const { answered } = clients.snapshot()
  await until(() => clients.snapshot().answered >= answered + count, {
    step: `${count} more answers`,
    deadlineMs,
  })
}

/** Resolves with the time until the process with this pid has answered another request. */
export async function answersAgain(clients: Load, pid: number): Promise<number> {
  const count = (): number =>
    clients.snapshot().generations.find((each) => each.pid === pid)?.requests ?? 0
  const before = count()
  const beganMs = performance.now()
  await until(() => count() > before, { step: 'the old version answers', deadlineMs, everyMs: 5 })
  return performance.now() - beganMs
}
