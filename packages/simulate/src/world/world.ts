import type { ChildProcess } from 'node:child_process'
import net from 'node:net'
import { Clock } from '../kernel/clock.js'
import { Kernel } from '../kernel/kernel.js'
import type { Holder } from '../kernel/handle.js'
import { type Carrier, LineEnd, type Message, type Packet } from '../kernel/line-end.js'
import { type Noise } from '../kernel/noise.js'
import type { StreamEnd } from '../kernel/stream-end.js'
import type { Watcher } from '../kernel/watcher.js'
import { ChildFace } from '../process/child-face.js'
import { type End, type Machine, SimulatedProcess } from '../process/simulated-process.js'

/** Under which core finds the runtime of a process. */
const runtimeKey = Symbol.for('@endless/core:runtime')

/** How long a process may live without a turn: a run that does more does not come to rest. */
const mostTasks = 40_000

/** A message at one end of a line. */
export interface Moment {
  when: 'sent' | 'arrives'
  from: SimulatedProcess
  to: SimulatedProcess
  type: string
}

/** The events that a world reports. */
export interface WorldHost {
  /** Whether the next process can be started. */
  canStart(): boolean
  /** Runs the program of a process that another one has started. */
  boot(process: SimulatedProcess, line: LineEnd): void
  /** A message is sent, or arrives: processes may be made to die or freeze. */
  passes(moment: Moment): void
  readsNow(end: StreamEnd): void
  closed(end: StreamEnd): void
  dies(process: SimulatedProcess, end: End): void
  /** Another process may be alive, or accept. */
  changed(): void
}

/** The simulated machine: its processes, and what they say to each other. */
export class World implements Machine, Watcher, Carrier {
  readonly clock = new Clock()
  readonly noise: Noise
  readonly kernel: Kernel
  readonly processes: SimulatedProcess[] = []
  readonly trace: string[] = []
  current: SimulatedProcess | undefined
  readonly #host: WorldHost
  #lastPid = 100

  constructor(noise: Noise, host: WorldHost) {
    this.noise = noise
    this.#host = host
    this.kernel = new Kernel(this)
    this.kernel.onChange = () => {
      host.changed()
    }
  }

  get living(): SimulatedProcess[] {
    return this.processes.filter(({ isDead }) => !isDead)
  }

  get isExhausted(): boolean {
    return this.clock.tasks > mostTasks
  }

  note(text: string): void {
    this.trace.push(`${this.clock.nowMs.toFixed(1).padStart(9)} ${text}`)
  }

  enter(process: SimulatedProcess): void {
    this.current = process
    ;(globalThis as Record<symbol, unknown>)[runtimeKey] = process.runtime
  }

  /** Adds a process that nobody here has started. */
  add(env: NodeJS.ProcessEnv = {}): SimulatedProcess {
    const process = new SimulatedProcess(this, { pid: ++this.#lastPid, parent: undefined, env })
    this.processes.push(process)
    return process
  }

  spawn(parent: SimulatedProcess, env: NodeJS.ProcessEnv, hasExtraLine: boolean): ChildProcess {
    if (!this.#host.canStart()) throw Object.assign(new Error('spawn EAGAIN'), { code: 'EAGAIN' })
    const pid = ++this.#lastPid
    const [ours, theirs] = hasExtraLine ? this.kernel.pair(`line of ${String(pid)}`) : []
    const child = new SimulatedProcess(this, { pid, parent, env: { ...env } })
    const line = new LineEnd(child, this)
    child.lines.add(line)
    child.inherit(theirs?.open(child))
    const upper = new LineEnd(parent, this)
    upper.join(line)
    parent.lines.add(upper)
    const extraLine =
      ours && new net.Socket({ handle: ours.open(parent) } as unknown as net.SocketConstructorOpts)
    // What a process that was killed still had to do in its turn does not happen.
    const signal = (name: NodeJS.Signals): void => {
      if (!parent.isDead) child.signal(name)
    }
    const face = new ChildFace(pid, upper, { signal }, extraLine)
    child.face = face
    this.processes.push(child)
    this.note(`${parent.name} starts ${child.name}`)
    this.#host.boot(child, line)
    return face as unknown as ChildProcess
  }

  stillRuns(pid: number): boolean {
    return this.living.some((process) => process.pid === pid)
  }

  signal(pid: number, signal: NodeJS.Signals): void {
    this.living.find((process) => process.pid === pid)?.signal(signal)
  }

  dies(process: SimulatedProcess, end: End): void {
    this.#host.dies(process, end)
  }

  changed(): void {
    this.#host.changed()
  }

  readsNow(end: StreamEnd): void {
    this.#host.readsNow(end)
  }

  closed(end: StreamEnd): void {
    this.#host.closed(end)
  }

  carry(from: LineEnd, to: LineEnd, { message, parcel }: Packet, arrive: () => void): void {
    const sender = this.#processOf(from.owner)
    const receiver = this.#processOf(to.owner)
    if (!sender || !receiver || message?.type === undefined) {
      this.#deliver(to, arrive)
      return
    }
    const { type } = message
    const handle = parcel ? ` [${parcel.what}]` : ''
    if (type !== 'stderr')
      this.note(`${sender.name} → ${receiver.name} ${nameOf(message)}${handle}`)
    this.#deliver(to, () => {
      this.#host.passes({ when: 'arrives', from: sender, to: receiver, type })
      // Whoever is frozen or dead by now does not see it yet, or at all.
      if (receiver.isFrozen) receiver.keep({ ...soonest, owner: receiver, run: arrive })
      else if (!receiver.isDead) arrive()
    })
    this.#host.passes({ when: 'sent', from: sender, to: receiver, type })
  }

  carryEnd(_from: LineEnd, to: LineEnd, arrive: () => void): void {
    this.#deliver(to, arrive)
  }

  #processOf(holder: Holder): SimulatedProcess | undefined {
    return this.processes.find((process) => process === holder)
  }

  #deliver(to: LineEnd, arrive: () => void): void {
    to.lastArrivalMs = Math.max(to.lastArrivalMs, this.clock.nowMs + this.noise.delayMs())
    this.clock.at(to.lastArrivalMs, to.owner, arrive)
  }
}

/** A task before all others of its process. */
const soonest = { atMs: 0, order: 0, isTimer: false }

/** What a message is called in the trace: `connection 3`. */
function nameOf({ type = '', id, what, signal }: Message): string {
  const detail = [id, what, signal].find((each) => each !== undefined)
  return detail === undefined ? type : `${type} ${JSON.stringify(detail)}`
}
