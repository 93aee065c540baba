// A service of several workers: test/fixtures/works-in-a-slot.mjs under `endless run --workers`.
import http from 'node:http'
import path from 'node:path'
import { writeFileSync } from 'node:fs'
import { until, type Program, type ProgramEvent } from '@endless/load'
import { get } from './http-client.js'
import { superviseFixture } from './program.js'
import { temporaryDirectory } from './temporary.js'

const deadlineMs = 15_000

/** What `GET /status` says. */
export interface WorkersStatus {
  supervisor: { workers: number; evenedOut: number }
  generations: {
    slot: number
    number: number
    pid: number
    state: string
    servers: { connections: { open: number } }[]
  }[]
  lastRestart: { outcome: string; error: { message: string } | null } | null
}

/** What a worker says of itself. */
export interface Worker {
  pid: number
  generation: number
  slot: number
  workers: number
}

/** What the next processes of the program do; each names slots. */
export interface Release {
  /** Dies before it listens. */
  broken?: number
  /** Listens at one more port. */
  port?: number
  /** Waits at a gate before it listens. */
  gated?: number[]
  /** Dies soon after it serves. */
  dies?: boolean
}

/** A service of several workers. */
export class Workers {
  /** Its first process is the supervisor. */
  readonly program: Program
  readonly port: number
  readonly #control: string
  readonly #release: string

  constructor(program: Program, port: number, control: string, release: string) {
    this.program = program
    this.port = port
    this.#control = control
    this.#release = release
  }

  release(release: Release): void {
    writeFileSync(this.#release, JSON.stringify(release))
  }

  status(): Promise<WorkersStatus> {
    return this.ask('GET', '/status') as Promise<WorkersStatus>
  }

  /** Resolves with the workers that serve, when there are so many and nothing else. */
  async serving(count: number): Promise<WorkersStatus['generations']> {
    let generations: WorkersStatus['generations'] = []
    await until(
      async () => {
        ;({ generations } = await this.status())
        return generations.length === count && generations.every(({ state }) => state === 'running')
      },
      {
        step: `${String(count)} workers serve`,
        deadlineMs,
        explain: () => JSON.stringify(generations) + this.program.output.toString(),
      },
    )
    return generations
  }

  /** Resolves with the workers, when there are so many and all of them have this number. */
  async untilAllAre(number: number, count: number): Promise<void> {
    await until(async () => (await this.serving(count)).every((each) => each.number === number), {
      step: 'all are new',
      deadlineMs,
      explain: () => this.program.output.toString(),
    })
  }

  /** Asks the control socket. */
  ask(method: string, target: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      http
        .request({ socketPath: this.#control, method, path: target, agent: false }, (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
          response.on('end', () => resolve(JSON.parse(text)))
        })
        .on('error', reject)
        .end()
    })
  }

  /** Asks on fresh connections until so many workers have answered, at this port or at that of the service. */
  async whoAnswers(count: number, port = this.port): Promise<Worker[]> {
    const found = new Map<number, Worker>()
    for (let asked = 0; asked < 500 && found.size < count; asked++) {
      const answers = await Promise.all(Array.from({ length: 8 }, () => get(port, '/who')))
      for (const { body } of answers) {
        const worker = JSON.parse(body) as Worker
        found.set(worker.pid, worker)
      }
    }
    return [...found.values()].sort((one, other) => one.slot - other.slot)
  }

  /** Kills the worker in this slot, and resolves with its pid. */
  async kill(slot: number): Promise<number> {
    const { generations } = await this.status()
    const victim = generations.find((each) => each.slot === slot && each.state === 'running')
    if (!victim) throw new Error(`nothing serves in slot ${String(slot)}`)
    this.program.signal('SIGKILL', victim.pid)
    return victim.pid
  }
}

/** Starts so many workers; resolves when all of them serve. */
export async function startWorkers(
  workers: number,
  { runArgs = [] }: { runArgs?: string[] } = {},
): Promise<Workers> {
  const directory = temporaryDirectory()
  const control = path.join(directory, 'control.sock')
  const release = path.join(directory, 'release.json')
  const program = superviseFixture('works-in-a-slot.mjs', {
    runArgs: ['--control', control, '--workers', String(workers), ...runArgs],
    args: [release],
  })
  const { port } = await program.waitForEvent<ProgramEvent & { port: number }>('listens', {
    step: 'it listens',
    deadlineMs,
  })
  const service = new Workers(program, port, control, release)
  await service.serving(workers)
  return service
}
