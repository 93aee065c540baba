import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { type Line, Output } from './output.js'
import { family, identify, isAlive, type ProcessIdentity, signalProcess } from './processes.js'
import { until, type WaitOptions } from './until.js'

// Starts a program, follows its generations from outside, and ends them.

export interface ProgramOptions {
  /** @default process.execPath */
  command?: string
  args: readonly string[]
  /** Merged into this process's environment; `undefined` removes a variable. */
  env?: NodeJS.ProcessEnv
  cwd?: string
  /**
   * Whether it gets a session of its own. Linux shares the CPU between sessions first, so programs whose speed is
   * compared while they run side by side belong in one. Without its own, a child that never reported is not found once
   * its parent is gone.
   *
   * @default true
   */
  detached?: boolean
}

/** A line of JSON that the program prints on stdout: `{"event":"ready","pid":41,"generation":1}`. */
export interface ProgramEvent {
  event: string
  pid: number
  [name: string]: unknown
}

export interface ReadyEvent extends ProgramEvent {
  event: 'ready'
  generation: number
  port?: number
}

const programs = new Set<Program>()
let watchesExit = false

/**
 * Starts a program whose generations all report on its stdout. When this process exits, even because of
 * an error, every process that is left of the program is killed.
 */
export function startProgram(options: ProgramOptions): Program {
  if (!watchesExit) process.once('exit', endAllNow)
  watchesExit = true
  const program = new Program(options)
  programs.add(program)
  return program
}

/** Ends every program started with `startProgram`. A process that has already ended is no error. */
export async function endAll(): Promise<void> {
  await Promise.all([...programs].map((program) => program.end()))
}

function endAllNow(): void {
  // A generation may spawn between the listing and the kill, and an 'exit' listener cannot wait: repeat.
  for (let look = 0; look < 20; look++) {
    for (const program of programs) program.kill()
  }
}

/** One program and all its generations, as seen from outside. */
export class Program {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  readonly output = new Output()
  readonly events: ProgramEvent[] = []
  readonly #seen = new Map<number, ProcessIdentity>()
  readonly #listeners = new Set<(event: ProgramEvent) => void>()

  constructor({ command = process.execPath, args, env, cwd, detached = true }: ProgramOptions) {
    // Detached, it has its own process group, by which a successor that never reports is found. That also keeps Ctrl-C
    // in a terminal from reaching the program before the process that started it.
    this.child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      detached,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.on('error', (error) => {
      this.output.add({ stream: 'stderr', text: `not started: ${error.message}` })
    })
    this.output.onLine((line) => this.#collect(line))
    this.output.read('stdout', this.child.stdout)
    this.output.read('stderr', this.child.stderr)
    if (this.child.pid !== undefined) this.#see(this.child.pid)
  }

  /** The pid of the first process. After a restart, the current generation has another pid. */
  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`not started\n${this.output.toString()}`)
    return this.child.pid
  }

  get stdout(): string {
    return this.output.text('stdout')
  }

  get stderr(): string {
    return this.output.text('stderr')
  }

  /** Every generation that reported `ready`, in the order of the reports. */
  get generations(): ReadyEvent[] {
    return this.events.filter((event): event is ReadyEvent => event.event === 'ready')
  }

  /** The generation that reported `ready` last. */
  get current(): ReadyEvent {
    const last = this.generations.at(-1)
    if (!last) throw new Error(`no generation has reported\n${this.output.toString()}`)
    return last
  }

  /** Every known process: the first, all that reported, the rest of the group, and the children of these. */
  get processes(): ProcessIdentity[] {
    if (this.child.pid !== undefined) {
      const known = new Set(this.#seen.keys())
      for (const member of family(this.child.pid, known)) this.#seen.set(member.pid, member)
    }
    return [...this.#seen.values()]
  }

  get alive(): number[] {
    return this.processes.filter(isAlive).map(({ pid }) => pid)
  }

  /** Calls the listener with each event from now on, as it is read. */
  onEvent(listener: (event: ProgramEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves with the first match in a line of stdout or stderr, from the line with index `since` on. */
  waitForLine(
    pattern: RegExp,
    { since = 0, ...wait }: WaitOptions & { since?: number },
  ): Promise<RegExpMatchArray> {
    const find = ({ text }: Line) => text.match(pattern) ?? undefined
    return this.output.wait(find, since, wait)
  }

  waitForEvent<E extends ProgramEvent = ProgramEvent>(
    matches: string | ((event: ProgramEvent) => boolean),
    { since = 0, ...wait }: WaitOptions & { since?: number },
  ): Promise<E> {
    const test =
      typeof matches === 'string' ? ({ event }: ProgramEvent) => event === matches : matches
    const find = (line: Line) => {
      const event = parseEvent(line)
      return event && test(event) ? (event as E) : undefined
    }
    return this.output.wait(find, since, wait)
  }

  waitForGeneration(
    number: number,
    wait: Partial<WaitOptions> & Pick<WaitOptions, 'deadlineMs'> & { since?: number },
  ): Promise<ReadyEvent> {
    return this.waitForEvent<ReadyEvent>(
      ({ event, generation }) => event === 'ready' && generation === number,
      { step: `generation ${number} reports`, ...wait },
    )
  }

  /** Sends a signal to a generation, by default to the newest. */
  signal(signal: NodeJS.Signals, pid: number = this.current.pid): void {
    try {
      process.kill(pid, signal)
    } catch (cause) {
      const message = `cannot send ${signal} to ${pid}: it has ended\n${this.output.toString()}`
      throw new Error(message, { cause })
    }
  }

  /** Resolves when the first process has exited. */
  async waitForExit(
    wait: WaitOptions,
  ): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const { child } = this
    await until(() => child.exitCode !== null || child.signalCode !== null, this.#explained(wait))
    return { code: child.exitCode, signal: child.signalCode }
  }

  /** Resolves when the process with this pid has ended, whichever generation it is. */
  async waitForEnd(pid: number, wait: WaitOptions): Promise<void> {
    const process = this.#seen.get(pid) ?? identify(pid)
    await until(() => !isAlive(process), this.#explained(wait))
  }

  /** Sends SIGKILL to every known process that is alive; returns whether there was any. */
  kill(): boolean {
    // Stop all first: a running process could spawn another between the listing and its kill.
    for (const process of this.processes) signalProcess(process, 'SIGSTOP')
    const alive = this.processes.filter(isAlive)
    for (const process of alive) signalProcess(process, 'SIGKILL')
    return alive.length > 0
  }

  /** Kills every known process with SIGKILL; resolves when all have ended. */
  async end(): Promise<void> {
    // A generation may spawn between the listing and the kill: repeat until none is left.
    await until(() => !this.kill(), {
      step: 'every process has ended',
      deadlineMs: 10_000,
      everyMs: 5,
    })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (!stream.closed) await once(stream, 'close')
    }
    programs.delete(this)
  }

  #collect(line: Line): void {
    const event = parseEvent(line)
    if (!event) return
    this.events.push(event)
    this.#see(event.pid)
    for (const listener of this.#listeners) listener(event)
  }

  #see(pid: number): void {
    if (!this.#seen.has(pid)) this.#seen.set(pid, identify(pid))
  }

  #explained(wait: WaitOptions): WaitOptions {
    return { explain: () => this.output.toString(), ...wait }
  }
}

function parseEvent({ stream, text }: Line): ProgramEvent | undefined {
  if (stream !== 'stdout' || !text.startsWith('{')) return undefined
  try {
    const value = JSON.parse(text) as Partial<ProgramEvent>
    // Not pid 1: all children of a known process are killed at the end, and those of init are everybody's.
    return typeof value.event === 'string' && Number.isInteger(value.pid) && Number(value.pid) > 1
      ? (value as ProgramEvent)
      : undefined
  } catch {
    // Not an event, only a line that begins like one: it stays in the output.
    return undefined
  }
}
