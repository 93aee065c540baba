import type { ChildProcess } from 'node:child_process'
import type { Clock, Task } from '../kernel/clock.js'
import type { Handle, Holder } from '../kernel/handle.js'
import type { LineEnd } from '../kernel/line-end.js'
import { type ChildFace } from './child-face.js'
import type { Noise } from '../kernel/noise.js'
import { SimulatedSystem } from './simulated-system.js'

/** How a process ends: by a code or by a signal. */
export interface End {
  code: number | null
  signal: NodeJS.Signals | null
}

/** What a process is started with. */
export interface Start {
  pid: number
  parent: SimulatedProcess | undefined
  env: NodeJS.ProcessEnv
}

/** What a process needs of its machine. */
export interface Machine {
  readonly clock: Clock
  readonly noise: Noise
  /** Called before each task of a process. */
  enter(process: SimulatedProcess): void
  spawn(parent: SimulatedProcess, env: NodeJS.ProcessEnv, hasExtraLine: boolean): ChildProcess
  stillRuns(pid: number): boolean
  signal(pid: number, signal: NodeJS.Signals): void
  /** Called with a process that ends, while it still has what it had. */
  dies(process: SimulatedProcess, end: End): void
  /** Called when other processes may be alive, or turn. */
  changed(): void
  note(text: string): void
}

/** A process of the simulated machine: what it runs is up to others. */
export class SimulatedProcess implements Holder {
  readonly pid: number
  readonly name: string
  readonly handles = new Set<Handle>()
  readonly lines = new Set<LineEnd>()
  readonly parent: SimulatedProcess | undefined
  readonly system: SimulatedSystem
  isDead = false
  isFrozen = false
  /** Its end; `undefined` while it lives. */
  end: End | undefined
  /** What is put on `globalThis` while it runs: core finds its runtime there. */
  runtime: object | undefined
  /** Called with what it writes to standard error. */
  onWrite: (text: string) => void = () => undefined
  readonly #machine: Machine
  readonly #kept: Task[] = []
  #face: ChildFace | undefined
  #extraLine: Handle | undefined
  #isExiting = false

  constructor(machine: Machine, { pid, parent, env }: Start) {
    this.#machine = machine
    this.pid = pid
    this.name = String(pid)
    this.parent = parent
    this.system = new SimulatedSystem({
      pid,
      ppid: parent?.pid ?? 1,
      clock: machine.clock,
      env,
      extraLine: () => this.#extraLine,
      spawn: (environment, hasExtraLine) => machine.spawn(this, environment, hasExtraLine),
      stillRuns: (other) => machine.stillRuns(other),
      signal: (other, signal) => {
        if (!this.isDead) machine.signal(other, signal)
      },
      exit: (code) => {
        this.exit(code)
      },
      wrote: (text) => {
        machine.note(`${this.name} says ${text.trimEnd()}`)
        this.onWrite(text)
      },
    })
  }

  /** Gives it a second line to an older generation. */
  inherit(extraLine: Handle | undefined): void {
    this.#extraLine = extraLine
  }

  set face(face: ChildFace) {
    this.#face = face
  }

  enter(): void {
    this.#machine.enter(this)
  }

  keep(task: Task): void {
    this.#kept.push(task)
  }

  freeze(): void {
    if (this.isDead) return
    this.isFrozen = true
    this.#machine.note(`${this.name} is frozen`)
    this.#machine.changed()
  }

  /** @param areTimersFirst what its event loop comes to first */
  thaw(areTimersFirst: boolean): void {
    if (!this.isFrozen || this.isDead) return
    this.isFrozen = false
    this.#machine.note(`${this.name} goes on`)
    const kept = this.#kept.splice(0)
    const timers = kept.filter(({ isTimer }) => isTimer)
    const others = kept.filter(({ isTimer }) => !isTimer)
    const ordered = areTimersFirst ? [...timers, ...others] : [...others, ...timers]
    for (const task of ordered) this.#machine.clock.again(task)
    this.#machine.changed()
  }

  signal(signal: NodeJS.Signals): void {
    if (this.isDead) return
    this.#machine.note(`${this.name} gets ${signal}`)
    if (signal === 'SIGKILL') {
      this.die({ code: null, signal })
      return
    }
    this.#machine.clock.soon(this, () => {
      if (this.system.events.listenerCount(signal) > 0) this.system.events.emit(signal)
      else this.die({ code: null, signal })
    })
  }

  /** Exits when the turn has ended, and output is flushed. */
  exit(code: number): void {
    if (this.#isExiting) return
    this.#isExiting = true
    this.#machine.clock.soon(this, () => {
      this.system.events.emit('exit', code)
      this.die({ code, signal: null })
    })
  }

  die(end: End): void {
    if (this.isDead) return
    const how = end.signal ?? `code ${String(end.code)}`
    this.#machine.note(`${this.name} ends: ${how}`)
    this.#machine.dies(this, end)
    this.isDead = true
    this.end = end
    for (const line of this.lines) line.close()
    for (const handle of [...this.handles]) handle.vanish()
    this.#kept.length = 0
    this.#tellParent(end)
    this.#machine.changed()
  }

  /** The news of an end takes a way of its own, which may be longer or shorter than that of the last messages. */
  #tellParent({ code, signal }: End): void {
    const { parent } = this
    if (!parent || parent.isDead) return
    this.#machine.clock.after(this.#machine.noise.delayMs(), parent, () => {
      this.#face?.ended(code, signal)
    })
  }
}
