import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { membersWith } from './members.js'

// The files of a service to which a fault happens.

/** Places that are not removed yet; at the exit of this process, even because of an error, all are. */
const places = new Set<Place>()
let watchesExit = false

/** What the processes read in the moment of the fault; the names are those in test/faults/at-a-moment.cjs. */
export interface Order {
  /** The type of the message. */
  type?: string
  does?: 'send' | 'receive'
  by?: 'supervisor' | 'generation'
  fault?: string
  /** Counts only when the supervisor has received a message of this type. */
  after?: string | undefined
  /** Tells each message. */
  traces?: boolean
}

/** A new directory: `run/` has the pid file and the control socket of the service, and may be a small disk. */
export class Place {
  readonly directory = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'endless-faults-')))
  readonly run = path.join(this.directory, 'run')
  readonly pidFile = path.join(this.run, 'app.pid')
  readonly control = `${this.pidFile}.sock`
  readonly #orderFile = path.join(this.directory, 'order.json')
  readonly #isMounted: boolean

  /** @param hasOwnDisk whether `run/` is a file system of its own, of a few pages */
  constructor(hasOwnDisk: boolean) {
    this.#isMounted = hasOwnDisk
    mkdirSync(this.run)
    if (hasOwnDisk) {
      mount('-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', this.run)
    }
    if (!watchesExit) process.once('exit', removeAll)
    watchesExit = true
    places.add(this)
    this.release('1')
  }

  /** What the pid file says; `undefined` if there is none. */
  get pidInFile(): number | undefined {
    try {
      return Number(readFileSync(this.pidFile, 'utf8'))
    } catch {
      return undefined // there is none
    }
  }

  /** The files in the directories of the pid file and the control socket. */
  get files(): string[] {
    return readdirSync(this.run)
  }

  /** Makes the next processes of the program another release. */
  release(name: string): void {
    writeFileSync(path.join(this.directory, 'release'), name)
  }

  /** Whether nobody has obeyed yet. */
  get isOrdered(): boolean {
    return existsSync(this.#orderFile)
  }

  order(order: Order): void {
    writeFileSync(this.#orderFile, JSON.stringify(order))
  }

  /** Makes the disk sound again. */
  mend(): void {
    if (!this.#isMounted) return
    mount('-o', 'remount,rw', this.run)
    rmSync(path.join(this.run, 'filler'), { force: true })
  }

  /** All processes that were started for this place, and live. */
  get alive(): number[] {
    return membersWith(`FAULTS_DIRECTORY=${this.directory}`)
  }

  /** Kills all that live, and returns whether there were any. */
  kill(): boolean {
    const { alive } = this
    for (const pid of alive) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It has ended since the look.
      }
    }
    return alive.length > 0
  }

  remove(): void {
    places.delete(this)
    if (this.#isMounted) spawnSync('umount', ['-l', this.run])
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** Whether this process may mount a file system. */
export function canMount(): boolean {
  if (process.getuid?.() !== 0) return false
  try {
    new Place(true).remove()
    return true
  } catch {
    return false // root of a container without that right
  }
}

function mount(...args: string[]): void {
  const { status, stderr } = spawnSync('mount', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`mount ${args.join(' ')}: ${stderr}`)
}

function removeAll(): void {
  for (const place of places) {
    // One that was just being started is found by the next look, and an 'exit' listener cannot wait.
    for (let look = 0; look < 20 && place.kill(); look++);
    place.remove()
  }
}
