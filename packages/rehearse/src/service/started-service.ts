import { type ChildProcess, spawn } from 'node:child_process'
import { connect } from 'node:net'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { familyOf, isAlive, portsOf } from './process-tree.js'
import { RehearseError } from './rehearse-error.js'

const linesKept = 40
const lookMs = 50
/** How long a port must be the only one to be the server's. */
const aloneMs = 1_000
/** How long the processes may take to end by SIGTERM. */
const endMs = 10_000
/** How often a server that ends at once is started again. */
const maxFastDeaths = 5
const fastDeathMs = 1_000

/** A server that the rehearsal has started, with all that it has started itself. */
export class StartedService {
  readonly #command: readonly [string, ...string[]]
  readonly #env: NodeJS.ProcessEnv
  readonly #lines: string[] = []
  readonly #known = new Set<number>()
  #child: ChildProcess
  #startedMs = performance.now()
  #fastDeaths = 0
  #isEnding = false
  #hasServed = false
  #error: Error | undefined
  /** How often the server ended, as a whole, and was started again. */
  respawns = 0

  constructor(command: readonly [string, ...string[]], env: NodeJS.ProcessEnv) {
    this.#command = command
    this.#env = env
    this.#child = this.#spawn()
  }

  /** The last lines that the server printed. */
  get output(): readonly string[] {
    return this.#lines
  }

  /** The pid of the process that was started. */
  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** The processes of the server that live. */
  get alive(): number[] {
    for (const pid of familyOf(this.pid, this.#known)) this.#known.add(pid)
    return [...this.#known].filter(isAlive)
  }

  /** Notes that the server has served: from now on it is started again when it ends. */
  served(): void {
    this.#hasServed = true
  }

  /** Takes a process that answered for one of the server's. */
  saw(pid: number): void {
    this.#known.add(pid)
  }

  /**
   * Resolves with the port on which the server listens: the given one, or else the only one.
   *
   * @throws (rejects) {RehearseError} if the server ends, or listens nowhere within the time
   */
  async listens(wantedPort: number, timeoutMs: number): Promise<number> {
    const endsMs = performance.now() + timeoutMs
    let ports: number[]
    let onlyPort: number | undefined
    let onlySinceMs = 0
    for (;;) {
      if (this.#error) throw new RehearseError(`cannot start it: ${this.#error.message}`)
      const { alive } = this
      if (alive.length === 0) throw new RehearseError('the server has ended', this.#lines)
      ports = portsOf(alive)
      if (ports.includes(wantedPort) || (ports.length === 0 && (await connects(wantedPort)))) {
        return wantedPort
      }
      const only = ports.length === 1 ? ports[0] : undefined
      if (only !== onlyPort) onlySinceMs = performance.now()
      onlyPort = only
      // A server may open more than one, and that of its metrics first.
      if (only !== undefined && performance.now() - onlySinceMs > aloneMs) return only
      if (performance.now() > endsMs) break
      await sleep(lookMs)
    }
    const found =
      ports.length > 0 ? `it listens on ports ${ports.join(', ')}` : 'it does not listen'
    throw new RehearseError(
      `nothing listens on port ${wantedPort}, which the server was given in PORT, ` +
        `within ${timeoutMs / 1_000} s; ${found}. Say where it is: --url http://localhost:<port>`,
      this.#lines,
    )
  }

  /** Ends every process of the server: with SIGTERM, and after 10 s by force. */
  async end(): Promise<void> {
    this.#isEnding = true
    const heads = isAlive(this.pid) ? [this.pid] : this.alive
    for (const pid of heads) send(pid, 'SIGTERM')
    const endsMs = performance.now() + endMs
    while (this.alive.length > 0 && performance.now() < endsMs) await sleep(lookMs)
    this.kill()
  }

  /** Kills every process of the server. */
  kill(): void {
    this.#isEnding = true
    for (const pid of this.alive) send(pid, 'SIGKILL')
  }

  #spawn(): ChildProcess {
    const [file, ...args] = this.#command
    this.#startedMs = performance.now()
    const child = spawn(file, args, {
      env: this.#env,
      // A group of its own, by which its processes are found; and Ctrl-C is the rehearsal's alone.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    if (child.pid !== undefined) this.#known.add(child.pid)
    this.#read(child.stdout)
    this.#read(child.stderr)
    child.on('error', (error) => (this.#error = error))
    child.on('exit', () => this.#exited())
    return child
  }

  /** Starts a server anew that has ended as a whole, as a service manager does. */
  #exited(): void {
    if (this.#isEnding || this.alive.length > 0) return
    this.#fastDeaths = performance.now() - this.#startedMs < fastDeathMs ? this.#fastDeaths + 1 : 0
    if (this.#fastDeaths > maxFastDeaths || !this.#hasServed) return
    this.respawns++
    this.#child = this.#spawn()
  }

  #read(readable: Readable): void {
    let rest = ''
    readable.setEncoding('utf8')
    readable.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = (lines.pop() ?? '').slice(-10_000)
      this.#lines.push(...lines.slice(-linesKept))
      if (this.#lines.length > linesKept) this.#lines.splice(0, this.#lines.length - linesKept)
    })
  }
}

/** Sends a signal, unless the process has ended. */
export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: 'localhost' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
