import { spawn } from 'node:child_process'
import type { Recorder } from '../record/recorder.js'
import { isAlive } from './process-tree.js'
import { send, type StartedService } from './started-service.js'

// How a server is restarted.

/** Restarts a server once. */
export interface RestartWay {
  /** Says what is about to be done: `kill -HUP 4711`. */
  describe(): string
  /** Resolves when that is done, as far as its doer knows; rejects with the reason if it failed. */
  restart(signal: AbortSignal): Promise<void>
}

/** By SIGHUP to the process that was started, or if that has ended, to the one that answered first most recently. */
export function byHangUp(service: StartedService, recorder: Recorder): RestartWay {
  const pid = (): number => {
    const newest = recorder.processes.all.at(-1)?.pid
    return isAlive(service.pid) ? service.pid : (newest ?? service.pid)
  }
  return {
    describe: () => `kill -HUP ${pid()}`,
    async restart() {
      send(pid(), 'SIGHUP')
    },
  }
}

/** By a command for the shell. */
export function byCommand(command: string): RestartWay {
  return {
    describe: () => command,
    restart: (signal) =>
      new Promise((resolve, reject) => {
        const child = spawn(command, { shell: true, signal, stdio: ['ignore', 'pipe', 'pipe'] })
        let last = ''
        const read = (chunk: string): void => {
          last = (last + chunk).trimEnd().split('\n').at(-1)?.slice(-500) ?? ''
        }
        child.stdout.setEncoding('utf8').on('data', read)
        child.stderr.setEncoding('utf8').on('data', read)
        child.on('error', reject)
        // 'close' waits for its output, which a daemon that it started may hold: 'exit' does not.
        child.on('exit', (code, killer) => {
          if (code === 0) resolve()
          else reject(new Error(`it exited with ${code ?? killer ?? ''}${last && `: ${last}`}`))
        })
      }),
  }
}
