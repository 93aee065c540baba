import { type ChildProcess, spawn } from 'node:child_process'
import { durationOf, late, messageOf, within } from '@endless/core/for-cli'

// The check of `endless restart --check`: a command that tells by its exit code whether a version is good.

/** How long a run may take. */
const longestMs = 5_000
/** How long after a run that has passed the next one begins, and after one that has failed. */
const [everyMs, againMs] = [1_000, 250]
/** How many failures in a row are no accident. */
const tooMany = 2
/** How much of the output is kept, of its end: a reason is one line. */
const keptChars = 1_000
/** How long output may still come when the command has ended: its children may hold the pipes. */
const lastWordsMs = 100

/** What a shell exits with if it cannot run a command: not executable, or not found. */
const cannotRun: readonly (number | null)[] = [126, 127]

/** Why a run has failed. */
export interface CheckFailure {
  /** Whether the command said so, took too long, or does not exist. */
  readonly how: 'failed' | 'late' | 'missing'
  /** Follows `the check`: `exited with code 22: curl: (22) The requested URL returned error: 500`. */
  readonly reason: string
}

/** Runs a command in the shell of the caller, again and again, until it fails twice in a row. */
export class Check {
  readonly #command: string
  #hasPassed = false
  #endWait: (() => void) | undefined
  #isOver = false

  constructor(command: string) {
    this.#command = command
  }

  /** Whether a run has passed, since `untilFailed` was called. */
  get hasPassed(): boolean {
    return this.#hasPassed
  }

  /** Runs the command once. */
  async run(): Promise<'passed' | 'stopped' | CheckFailure> {
    if (this.#isOver) return 'stopped'
    // A group of its own, which can be killed as a whole, and which a Ctrl-C does not reach.
    const child = spawn(this.#command, {
      shell: true,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-keptChars)
      })
    }
    const stopped = new Promise<'stopped'>((resolve) => {
      this.#endWait = () => {
        resolve('stopped')
      }
    })
    try {
      const ended = await within(Promise.race([untilEnd(child), stopped]), longestMs)
      if (ended === 'stopped') return ended
      if (ended === late) {
        return { how: 'late', reason: `has not ended within ${durationOf(longestMs)}` }
      }
      const { code, signal } = ended
      if (code === 0) return 'passed'
      const end = signal === null ? `exited with code ${String(code)}` : `was ended by ${signal}`
      const said = output.trimEnd().split('\n').at(-1)?.trim() ?? ''
      const reason = said === '' ? end : `${end}: ${said}`
      return { how: cannotRun.includes(code) ? 'missing' : 'failed', reason }
    } catch (error) {
      return { how: 'missing', reason: `could not be run: ${messageOf(error)}` }
    } finally {
      endGroup(child)
    }
  }

  /**
   * Runs the command each second. Resolves with why it has failed twice in a row, or has taken too long; or with
   * `undefined` after `end`.
   */
  async untilFailed(): Promise<string | undefined> {
    let failures = 0
    for (;;) {
      const outcome = await this.run()
      if (outcome === 'stopped') return undefined
      if (outcome === 'passed') {
        failures = 0
        this.#hasPassed = true
      } else if (++failures === tooMany || outcome.how === 'late') {
        return outcome.reason
      }
      if (!(await this.#pause(failures === 0 ? everyMs : againMs))) return undefined
    }
  }

  /** Ends the runs; one that is under way is killed. */
  end(): void {
    this.#isOver = true
    this.#endWait?.()
  }

  /** Waits; resolves with `false` if the runs end meanwhile. */
  #pause(durationMs: number): Promise<boolean> {
    if (this.#isOver) return Promise.resolve(false)
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, durationMs, true)
      this.#endWait = () => {
        clearTimeout(timer)
        resolve(false)
      }
    })
  }
}

interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

/** @throws (rejects) if the command could not be started */
async function untilEnd(child: ChildProcess): Promise<Exit> {
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const exit = await new Promise<Exit>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      resolve({ code, signal })
    })
  })
  await within(closed, lastWordsMs)
  return exit
}

/** Kills what is left of a command and its children, and reads no more of it. */
function endGroup({ pid, stdout, stderr }: ChildProcess): void {
  stdout?.destroy()
  stderr?.destroy()
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // All of them have ended.
  }
}
