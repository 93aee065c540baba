import type { Inheritance } from '../../../core/dist/handoff/protocol.js'
import { inherit, takeEntry } from '../../../core/dist/launch/preload.js'
import type { Clock } from '../kernel/clock.js'
import type { LineEnd } from '../kernel/line-end.js'
import { childChannel } from './child-channel.js'
import type { Release } from './release.js'
import type { SimulatedProcess } from './simulated-process.js'

/** How long an older generation may take to say whether it serves (preload.ts, doesOlderServe). */
const verdictMs = 3_000
/** How much of its last words a process keeps (preload.ts, reportFailures). */
const keptChars = 4_096

/** What a process that boots needs of its surroundings. */
export interface BootHost {
  readonly clock: Clock
  /** Runs the program, with what it inherits. */
  start(inheritance: Inheritance | undefined): void
  /** Called if the program never listens. */
  hangs(): void
}

/**
 * Boots a process that another one has started, up to its program: stands for what the preload does in a process of
 * its own, but for `inherit`, which is the preload's.
 */
export function boot(
  process: SimulatedProcess,
  line: LineEnd,
  release: Release,
  host: BootHost,
): void {
  const { clock } = host
  const load = (inheritance: Inheritance | undefined): void => {
    clock.after(release.loadMs, process, () => {
      switch (release.boot) {
        case 'good':
          host.start(inheritance)
          return
        case 'throws':
          inheritance?.channel
            .send({ type: 'error', error: { name: 'Error', message: 'it is broken' } })
            .catch(() => undefined)
          process.exit(1)
          return
        case 'exits':
          process.exit(0)
          return
        case 'hangs':
        case 'cannot start':
          host.hangs()
      }
    })
  }
  clock.after(release.helloMs, process, () => {
    const entry = takeEntry(process.system.env)
    if (!entry) throw new Error('it was started without an entry')
    // Another process is its parent now: it was started by a stranger.
    if (process.parent?.isDead) {
      load(undefined)
      return
    }
    const inheritance = hello(process, line, entry)
    if (!release.waits) {
      load(inheritance)
      return
    }
    void inheritance.arrived.then(async (isWelcome) => {
      if (isWelcome) load(inheritance)
      else if (entry.orphaned === 'serve') load(undefined)
      else if (entry.orphaned === 'exit' || (await doesOlderServe(process))) process.exit(0)
      else load(undefined)
    })
  })
}

/** Says hello, and reports what the process writes, as `reportFailures` of the preload does. */
function hello(process: SimulatedProcess, line: LineEnd, entry: Inheritance['entry']): Inheritance {
  const channel = childChannel(line)
  let isKept = false
  let isOver = false
  let kept = ''
  process.onWrite = (text) => {
    if (isOver) return
    if (isKept) kept = (kept + text).slice(-keptChars)
    else channel.send({ type: 'stderr', text }).catch(() => undefined)
  }
  process.system.onExit(() => {
    if (kept !== '') channel.send({ type: 'stderr', text: kept }).catch(() => undefined)
  })
  return inherit(channel, entry, {
    stopReporting: () => {
      isOver = true
    },
    reportAtEnd: () => {
      isKept = true
    },
  })
}

function doesOlderServe(process: SimulatedProcess): Promise<boolean> {
  return new Promise((resolve) => {
    const line = process.system.openSocket()
    const settle = (isServing: boolean): void => {
      clearTimeout(timer)
      line.destroy()
      resolve(isServing)
    }
    const timer = setTimeout(settle, verdictMs, false)
    line.on('error', () => undefined)
    line.on('data', (bytes: Buffer) => {
      settle(bytes.includes('s'))
    })
    line.on('close', () => {
      settle(false)
    })
  })
}
