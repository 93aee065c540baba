import http from 'node:http'
import path from 'node:path'
import { History } from '../chaos/history.js'
import { type Connection, Ledger } from '../chaos/ledger.js'
import { freePort } from '../program/ports.js'
import { type Program, type ProgramEvent, startProgram } from '../program/program.js'
import { isAlive } from '../program/processes.js'
import { until } from '../program/until.js'
import { Place } from './place.js'

/** Files that a run of the faults needs. */
export interface Files {
  /** test/faults/serves.mjs */
  program: string
  /** test/faults/at-a-moment.cjs */
  preload: string
  /** The command `endless`. */
  endless: string
}

export interface ServiceOptions {
  files: Files
  /** 0: without a supervisor. */
  workers: number
  hasOwnDisk: boolean
}

/** What a generation is, by what it has reported. */
export interface Member {
  readonly pid: number
  readonly generation: number
  readonly release: string
  state: 'boots' | 'serves' | 'drains'
  /** Whether it has ever served. */
  hasServed: boolean
  exitCode: number | undefined
}

const deadlineMs = 60_000
/** Shorter than the deadlines here: what waits for the hammer should end, too. */
const hammerTimeMs = 25_000
/** So long nothing is reported when nothing happens any more. */
const stillMs = 400
const lookMs = 100
const lastWordsMs = 1_500

/** A service to which a fault happens: its processes, and what they report. */
export class Service {
  readonly place: Place
  readonly program: Program
  readonly port: number
  readonly history = new History()
  readonly ledger = new Ledger()
  readonly supervisor: number | undefined
  readonly workers: number
  readonly members = new Map<number, Member>()
  /** The generations that have ended connections by force. */
  readonly hammered = new Set<number>()
  /** The generations that have ended: when that was seen, and whether they had not said so. */
  readonly ended = new Map<number, { atMs: number; readonly wasSilent: boolean }>()
  #lastEventMs = 0
  readonly #watch: NodeJS.Timeout

  static async start(options: ServiceOptions): Promise<Service> {
    const service = new Service(options, await freePort())
    await service.untilCalm('it starts')
    return service
  }

  private constructor({ files, workers, hasOwnDisk }: ServiceOptions, port: number) {
    this.port = port
    this.workers = Math.max(1, workers)
    this.place = new Place(hasOwnDisk)
    const { pidFile, directory } = this.place
    // No drain should take as long as this, and no boot that hangs a minute.
    const options = { pidFile, hammerTimeMs, readyTimeoutMs: 15_000, maxGenerations: 100 }
    // A name of its own: other services of this program may run.
    const name = path.basename(directory)
    const run = [files.endless, 'run', '--name', name, '--workers', String(workers)]
    this.program = startProgram({
      args: [...(workers > 0 ? run : []), files.program, JSON.stringify({ port, options })],
      env: {
        FAULTS_DIRECTORY: directory,
        NODE_OPTIONS: `--require ${files.preload}`,
        XDG_RUNTIME_DIR: directory,
      },
    })
    if (workers > 0) this.supervisor = this.program.pid
    this.program.output.onLine(({ stream, text }) => {
      if (stream === 'stderr') this.history.note(`  said: ${text}`)
    })
    this.program.onEvent((event) => this.#collect(event))
    this.#watch = setInterval(() => this.#lookWhoEnded(), 100)
  }

  /** All processes of the service that live, the supervisor among them. */
  get alive(): number[] {
    return this.place.alive
  }

  get isSupervised(): boolean {
    return this.supervisor !== undefined && this.alive.includes(this.supervisor)
  }

  /** The generations that live and serve. */
  get serving(): Member[] {
    const { alive } = this
    return [...this.members.values()].filter(
      ({ pid, state }) => state === 'serves' && alive.includes(pid),
    )
  }

  nameOf(pid: number): string {
    if (pid === this.supervisor) return `the supervisor (pid ${pid})`
    const member = this.members.get(pid)
    return member ? `generation ${member.generation} (pid ${pid})` : `pid ${pid}`
  }

  signal(signal: NodeJS.Signals, pid = this.place.pidInFile): void {
    this.history.note(`* ${signal} to ${pid === undefined ? 'nobody' : this.nameOf(pid)}`)
    // A pid that a file names may be another process's by now.
    if (pid !== undefined && this.alive.includes(pid)) process.kill(pid, signal)
  }

  /** Asks at the control socket. */
  ask(method: 'GET' | 'POST', target: string): Promise<{ status: number; body: string }> {
    this.history.note(`* ${method} ${target}`)
    return new Promise((resolve, reject) => {
      http
        .request(
          {
            socketPath: this.place.control,
            method,
            path: target,
            agent: false,
            timeout: deadlineMs,
          },
          (response) => {
            let body = ''
            response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
            response.on('error', reject)
            response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
          },
        )
        .on('error', reject)
        .end()
    })
  }

  /**
   * Whether so many generations serve, and nothing changes any more.
   *
   * @param staying how many live beside them; `undefined`: any that drain or stay behind
   */
  isCalm(staying: number | undefined, workers = this.workers): boolean {
    if (this.history.nowMs - this.#lastEventMs < stillMs) return false
    const { members, supervisor } = this
    // Those that are known say cheaply that it is not so yet.
    const known = [...members.values()].filter(({ pid }) => !this.ended.has(pid))
    if (known.filter(({ state }) => state === 'serves').length !== workers) return false
    if (known.some(({ state }) => state === 'boots')) return false
    const { alive } = this
    const generations = alive.filter((pid) => pid !== supervisor)
    const isOne = (state: Member['state']) => (pid: number) => members.get(pid)?.state === state
    const serving = generations.filter(isOne('serves')).length
    const isAsMany =
      staying === undefined
        ? generations.length === serving + generations.filter(isOne('drains')).length
        : generations.length === serving + staying
    return serving === workers && isAsMany
  }

  /** @param staying how many generations live beside those that serve: they drain, or stay behind */
  async untilCalm(step: string, staying = 0): Promise<void> {
    const explain = () => this.explain()
    await until(() => this.isCalm(staying), { step, deadlineMs, everyMs: lookMs, explain })
  }

  /** Waits for the last words of those that have ended: they may be read after the end is seen. */
  async untilHeard(): Promise<void> {
    const isHeard = () => [...this.ended.values()].every(({ wasSilent }) => !wasSilent)
    const wait = { step: 'the last words are read', deadlineMs: lastWordsMs, everyMs: 100 }
    // Those that were killed have none.
    await until(isHeard, wait).catch(() => undefined)
  }

  /** Returns which processes live, and as what. */
  explain(): string {
    const alive = this.alive.map(
      (pid) => `${this.nameOf(pid)} ${this.members.get(pid)?.state ?? ''}`,
    )
    return `alive: ${alive.join(', ') || 'none'}`
  }

  /** Kills what is left, and removes the files. */
  async end(): Promise<void> {
    clearInterval(this.#watch)
    const step = 'every process has ended'
    // `end` of the program reports what cannot be killed.
    await until(() => !this.place.kill(), { step, deadlineMs }).catch(() => undefined)
    await this.program.end()
    this.place.remove()
  }

  #lookWhoEnded(): void {
    const { members, ended, history } = this
    for (const member of members.values()) {
      if (ended.has(member.pid) || isAlive(member.pid)) continue
      ended.set(member.pid, {
        atMs: history.nowMs,
        // Its last words may be read after its end is seen.
        get wasSilent() {
          return member.exitCode === undefined
        },
      })
    }
  }

  #collect(event: ProgramEvent): void {
    const { nowMs } = this.history
    const { event: name, pid, generation, ...details } = event
    if (name === 'connection') {
      const { clientPort, serverPort } = event as unknown as Connection
      this.ledger.holds(pid, { clientPort, serverPort }, nowMs)
      return
    }
    if (name === 'boot') {
      const release = String(details['release'])
      this.members.set(pid, {
        pid,
        generation: Number(generation),
        release,
        state: 'boots',
        hasServed: false,
        exitCode: undefined,
      })
    }
    const member = this.members.get(pid)
    if (member && name === 'ready') Object.assign(member, { state: 'serves', hasServed: true })
    if (member && (name === 'taken-over' || name === 'drain')) member.state = 'drains'
    if (name === 'hammer') this.hammered.add(pid)
    if (member && name === 'exit') member.exitCode = Number(details['code'])
    if (name === 'before SIGTERM') this.ledger.gaveWay(pid)
    this.#lastEventMs = nowMs
    const text = JSON.stringify(details)
    this.history.note(`  ${this.nameOf(pid)}: ${name} ${text === '{}' ? '' : text.slice(0, 300)}`)
  }
}
