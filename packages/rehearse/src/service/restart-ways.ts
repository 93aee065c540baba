import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Recorder } from '../record/recorder.js'
import { isAlive } from './process-tree.js'
import { send, type StartedService } from './started-service.js'

// How a server is restarted.

/** The advice for what is restarted in a way that its user has given. */
export const otherServer = 'Does that restart the server to which the requests go?'

/** Restarts a server once. */
export interface RestartWay {
  /** Says what is about to be done: `kill -HUP 4711`. */
  describe(): string
  /** Resolves when that is done, as far as its doer knows; rejects with the reason if it failed. */
  restart(signal: AbortSignal): Promise<void>
  /** What may be wrong if it is done, and no new process answers: a sentence. */
  readonly advice: string
}

/** By SIGHUP to the process that was started, or if that has ended, to the one that answered first most recently. */
export function byHangUp(service: StartedService, recorder: Recorder): RestartWay {
  const pid = (): number | undefined => {
    if (service.pid !== undefined && isAlive(service.pid)) return service.pid
    const newestFirst = recorder.processes.all.map((each) => each.pid).reverse()
    return newestFirst.find((each) => service.owns(each) && isAlive(each))
  }
  return {
    describe: () => `kill -HUP ${pid() ?? '<pid>'}`,
    async restart() {
      const target = pid()
      if (target === undefined) {
        throw new Error(
          'the process that was started has ended, and no response names another of its own',
        )
      }
      send(target, 'SIGHUP')
    },
    advice:
      'npm, npx and shells forward no SIGHUP: start the server itself, or say how it is restarted: --restart-command',
  }
}

/** By a command for the shell. When the signal comes, the command is ended with all that it has started. */
export function byCommand(command: string): RestartWay {
  return {
    describe: () => command,
    async restart(signal) {
      // Not a pipe: a server that the command starts keeps its output, and would hold this process.
      const folder = mkdtempSync(join(tmpdir(), 'endless-rehearse-'))
      const file = join(folder, 'output')
      const output = openSync(file, 'w', 0o600)
      try {
        await run(command, output, signal, () => lastLineOf(file))
      } finally {
        closeSync(output)
        rmSync(folder, { recursive: true, force: true })
      }
    },
    advice: otherServer,
  }
}

function run(
  command: string,
  output: number,
  signal: AbortSignal,
  lastLine: () => string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    // A group of its own: it is ended as a whole, and Ctrl-C is the rehearsal's alone.
    const options = { shell: true, detached: true } as const
    const child = spawn(command, { ...options, stdio: ['ignore', output, output] })
    const end = (): void => {
      if (child.pid !== undefined) send(-child.pid, 'SIGTERM')
    }
    signal.addEventListener('abort', end, { once: true })
    child.on('error', reject)
    // 'exit' and not 'close', which waits for output that a daemon holds.
    child.on('exit', (code, killer) => {
      signal.removeEventListener('abort', end)
      const last = lastLine()
      if (code === 0) resolve()
      else reject(new Error(`it exited with ${code ?? killer ?? ''}${last && `: ${last}`}`))
    })
  })
}

function lastLineOf(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').at(-1)?.slice(-500) ?? ''
}
