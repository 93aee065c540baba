import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { serverPorts } from '../program/ports.js'
import { type Program, type ProgramEvent, startProgram } from '../program/program.js'
import { Command } from './command.js'
import { Generations } from './generations.js'
import { History } from './history.js'
import { type Connection, Ledger } from './ledger.js'
import type { Fate } from './operation.js'
import type { Address } from './who-answers.js'

export interface ServiceOptions {
  /** Path of the program, test/fixtures/lives-dangerously.mjs. */
  program: string
  /** Path of the command `endless`. */
  endless: string
  supervised: boolean
}

/** Events that say nothing about the state of a generation. */
const quiet: ReadonlySet<string> = new Set(['connection'])

/** Starts a service in a new directory, on free ports. */
export async function startService(options: ServiceOptions): Promise<Service> {
  return new Service(options, await serverPorts(2))
}

/** A service that chaos happens to: its processes, its files and its commands. */
export class Service {
  readonly program: Program
  readonly generations: Generations
  readonly ledger = new Ledger()
  readonly supervisor: number | undefined
  readonly addresses: readonly Address[]
  readonly ports: readonly number[]
  readonly history = new History()
  /** When a generation told last how it is. */
  lastEventMs = 0
  /** How often a generation has begun to serve. */
  timesReady = 0
  readonly #endless: string
  readonly #directory: string
  readonly #pidFile: string
  readonly #fateFile: string
  readonly #commands = new Set<Command>()

  constructor({ endless, program, supervised }: ServiceOptions, ports: readonly number[]) {
    const { history } = this
    const directory = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'endless-chaos-')))
    this.#endless = endless
    this.#directory = directory
    this.ports = ports
    this.#pidFile = path.join(directory, 'app.pid')
    this.#fateFile = path.join(directory, 'fate.json')
    const socket = path.join(directory, 'app.socket')
    this.addresses = [...ports, socket]
    this.release({})
    const settings = {
      ports,
      socket,
      fate: this.#fateFile,
      // No life should see the hammer, which cuts tunnels.
      options: {
        pidFile: this.#pidFile,
        hammerTimeMs: 120_000,
        maxGenerations: 100,
        readyTimeoutMs: 5_000,
      },
    }
    this.program = startProgram({
      args: [...(supervised ? [endless, 'run'] : []), program, JSON.stringify(settings)],
    })
    if (supervised) this.supervisor = this.program.pid
    this.generations = new Generations(this.program)
    this.program.output.onLine(({ stream, text }) => {
      if (stream === 'stderr') history.note(`  said: ${text}`)
    })
    this.program.onEvent((event) => this.#collect(event))
  }

  /** What the pid file says; `undefined` if there is none. */
  get pidInFile(): number | undefined {
    try {
      return Number(readFileSync(this.#pidFile, 'utf8'))
    } catch {
      // There is no such file.
      return undefined
    }
  }

  /** The pid that belongs into the file when this generation serves. */
  pidFor(serving: number): number {
    return this.supervisor ?? serving
  }

  /** The files that the service has made. */
  get files(): string[] {
    return readdirSync(this.#directory).filter((name) => name !== path.basename(this.#fateFile))
  }

  /** Makes the generations that are started from now on do so. */
  release(fate: Fate): void {
    writeFileSync(this.#fateFile, JSON.stringify(fate))
  }

  /** Signals a process of the service; returns whether it was there. */
  signal(pid: number, signal: NodeJS.Signals): boolean {
    // A pid that a file names may be another process's by now.
    if (!this.program.alive.includes(pid)) return false
    try {
      process.kill(pid, signal)
      return true
    } catch {
      // It has ended since the look.
      return false
    }
  }

  kill(pid: number): boolean {
    this.ledger.died(pid, this.history.nowMs)
    return this.signal(pid, 'SIGKILL')
  }

  nameOf(pid: number): string {
    if (pid === this.supervisor) return `the supervisor (pid ${pid})`
    const generation = this.generations.find(pid)
    return generation ? `generation ${generation.number} (pid ${pid})` : `pid ${pid}`
  }

  /** Runs `endless` with the pid file. */
  command(args: readonly string[]): Command {
    const command = new Command(this.#endless, args, this.#pidFile)
    this.#commands.add(command)
    void command.ended.then(({ code, said }) => {
      this.#commands.delete(command)
      const text = shorten(said.trim().replaceAll(/\s+/g, ' '))
      this.history.note(`endless ${args.join(' ')} ended with ${String(code)}: ${text}`)
    })
    return command
  }

  /** Resolves when all commands have done what they do; some then wait for the end of a generation. */
  async untilCommandsAreDone(): Promise<void> {
    await Promise.all([...this.#commands].map(({ done }) => done))
  }

  async untilCommandsEnd(): Promise<void> {
    await Promise.all([...this.#commands].map(({ ended }) => ended))
  }

  /** Kills what is left, and removes the directory. */
  async end(): Promise<void> {
    await this.program.end()
    await this.untilCommandsEnd()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #collect(event: ProgramEvent): void {
    const { nowMs } = this.history
    this.generations.collect(event)
    if (event.event === 'connection') {
      const { clientPort, serverPort } = event as unknown as Connection
      this.ledger.holds(event.pid, { clientPort, serverPort }, nowMs)
    }
    if (event.event === 'dies') this.ledger.died(event.pid, nowMs)
    if (event.event === 'before SIGTERM') this.ledger.gaveWay(event.pid)
    if (event.event === 'ready') this.timesReady++
    if (quiet.has(event.event)) return
    this.lastEventMs = nowMs
    const { event: name, pid, generation, ...details } = event
    this.history.note(`  generation ${String(generation)} (pid ${pid}): ${name} ${brief(details)}`)
  }
}

function brief(details: object): string {
  const text = JSON.stringify(details)
  return text === '{}' ? '' : shorten(text)
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
