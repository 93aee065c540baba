import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { familyOf, hasVariable, isAlive, portsOf } from './process-tree.js'
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
/** How long the others may outlive the process that was started, before the server counts as gone on without it. */
const outliveMs = 2_000
/** The variable by which a process of the server is known. */
const markName = 'ENDLESS_REHEARSAL'

/** A server that the rehearsal has started, with all that it has started itself. */
export class StartedService {
  readonly #command: readonly [string, ...string[]]
  readonly #env: NodeJS.ProcessEnv
  readonly #lines: string[] = []
  readonly #known = new Set<number>()
  readonly #mark = randomUUID()
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
    this.#env = { ...env, [markName]: this.#mark }
    this.#child = this.#spawn()
  }

  /** The last lines that the server printed. */
  get output(): readonly string[] {
    return this.#lines
  }

  /** The pid of the process that was started; `undefined` if it could not be. */
  get pid(): number | undefined {
    return this.#child.pid
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

  /**
   * Takes a process that says that it answered for one of the server's, if it is: the pid in a response may be that of
   * another namespace, as in a container, and here of a stranger.
   */
  saw(pid: number): void {
    if (!this.#known.has(pid) && hasVariable(pid, markName, this.#mark)) this.#known.add(pid)
  }

  /** Whether a process is one of the server's. */
  owns(pid: number): boolean {
    this.saw(pid)
    return this.#known.has(pid)
  }

  /**
   * Resolves with the port on which the server listens: the given one, or else the only one.
   *
   * @throws (rejects) {RehearseError} if the server ends, or listens nowhere within the time; what the signal says
   */
  async listens(wantedPort: number, timeoutMs: number, signal: AbortSignal): Promise<number> {
    const endsMs = performance.now() + timeoutMs
    let ports: number[]
    let onlyPort: number | undefined
    let onlySinceMs = 0
    for (;;) {
      // First, since an error of the start is told in a later turn.
      await sleep(lookMs, undefined, { signal })
      if (this.#error) throw new RehearseError(`cannot start it: ${this.#error.message}`)
      const { alive } = this
      if (alive.length === 0) {
        throw new RehearseError('the server has ended before it listened', this.#lines)
      }
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
    }
    const found =
      ports.length > 0 ? `it listens on ports ${ports.join(', ')}` : 'it does not listen'
    throw new RehearseError(
      `nothing listens on port ${wantedPort}, which the server was given in PORT, ` +
        `within ${timeoutMs / 1_000} s; ${found}. Say where it is: --url http://localhost:<port>`,
      this.#lines,
    )
  }

  /**
   * Ends every process of the server: with SIGTERM, and after 10 s by force. Resolves with those that are left: another
   * user's, as by sudo.
   */
  async end(): Promise<number[]> {
    this.#isEnding = true
    const { pid: head, alive } = this
    const others: number[] = []
    for (const pid of head !== undefined && isAlive(head) ? [head] : alive) {
      if (!mayEnd(pid, 'SIGTERM')) others.push(pid)
    }
    const endsMs = performance.now() + endMs
    while (others.length === 0 && this.alive.length > 0 && performance.now() < endsMs) {
      await sleep(lookMs)
    }
    return this.kill()
  }

  /** Kills every process of the server; returns those that it may not. */
  kill(): number[] {
    this.#isEnding = true
    return this.alive.filter((pid) => !mayEnd(pid, 'SIGKILL'))
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
    child.on('exit', () => void this.#exited())
    return child
  }

  /** Starts a server anew that has ended as a whole, as a service manager does. */
  async #exited(): Promise<void> {
    const endsMs = performance.now() + outliveMs
    while (!this.#isEnding && this.alive.length > 0) {
      if (performance.now() > endsMs) return
      await sleep(lookMs)
    }
    if (this.#isEnding) return
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

/** Sends a signal that ends a process; returns whether that is allowed. */
function mayEnd(pid: number, signal: NodeJS.Signals): boolean {
  try {
    send(pid, signal)
    return true
  } catch {
    return false // EPERM
  }
}

/** Whether something listens on a port of this machine. */
export function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: 'localhost' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
