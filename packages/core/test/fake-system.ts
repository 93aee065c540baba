import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { EventEmitter } from 'node:events'
import net from 'node:net'
import { Writable } from 'node:stream'
import type { ToPredecessor } from '../src/handoff/protocol.js'
import type { Holder } from '../src/node/holder-of.js'
import { type HeldListeners, holdListeners } from '../src/node/held-listeners.js'
import type { System } from '../src/node/system.js'

/** Lets everything happen that is due now: promises, ticks, and what the sockets have brought. */
export async function settle(turns = 5): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
}

interface FakeTimer {
  dueMs: number
  callback: () => void
  handle: NodeJS.Timeout
}

/** A world with a clock that stands still until it is told to go on. */
export class FakeSystem implements System {
  platform: NodeJS.Platform = 'linux'
  pid = 100
  ppid = 1
  execPath = '/usr/bin/node'
  execArgv: string[] = []
  argv = ['/usr/bin/node', '/srv/app/app.js']
  env: NodeJS.ProcessEnv = {}
  programPlaces: string[] = []
  isClusterWorker = false
  isSingleExecutable = false
  isForked = false
  isWorkerThread = false
  startEnvironment: NodeJS.ProcessEnv | undefined
  directory: string | Error = '/'
  terminalIs: 'present' | 'gone' | 'none' = 'none'
  exits = 0
  /** Other processes that run. */
  readonly running = new Set<number>()
  /** The code of the last exit, unless the application has set one. */
  exitCode: number | undefined
  /** What spawning does, where that is not to make a child. */
  spawnError: Error | undefined
  readonly lines: string[] = []
  readonly children: FakeChild[] = []
  readonly spawned: { command: string; args: string[]; options: SpawnOptions }[] = []
  /** Stands for `process` as far as listeners go. */
  readonly process = new EventEmitter()
  #nowMs = 1_000
  #timers: FakeTimer[] = []
  readonly #stderr = new Writable({
    decodeStrings: false,
    write: (chunk: string, _encoding, callback) => {
      this.lines.push(chunk)
      callback()
    },
  })

  readonly stderr = (): NodeJS.WritableStream => this.#stderr

  readonly self = {}

  listensOfThreads(): string[] {
    return []
  }

  get startDirectory(): string {
    return this.directory instanceof Error ? '' : this.directory
  }

  cwd(): string {
    if (this.directory instanceof Error) throw this.directory
    return this.directory
  }

  now(): number {
    return this.#nowMs
  }

  monotonicUs(): bigint {
    return BigInt(this.#nowMs) * 1_000n
  }

  /** Listeners of signal-exit on each signal. */
  signalExits = 0

  readonly signalExitListeners = (): number => this.signalExits

  holder: Holder | undefined

  holderOf(): Promise<Holder | undefined> {
    return Promise.resolve(this.holder)
  }

  /** Whether another process has the sockets of this one. */
  isHeld = false

  isHeldElsewhere(): Promise<boolean> {
    return Promise.resolve(this.isHeld)
  }

  /** Whether the process that started this one lives. */
  hasParent = false

  isParent(pid: number): boolean {
    return this.hasParent && pid === this.ppid
  }

  stillRuns(pid: number): boolean {
    return this.running.has(pid)
  }

  readonly isSibling = (): boolean => true

  /** What was signalled: `101 SIGTERM`. */
  readonly signalled: string[] = []

  signalProcess(pid: number, signal: NodeJS.Signals): void {
    if (this.running.has(pid)) this.signalled.push(`${String(pid)} ${signal}`)
  }

  memoryBytes(): number {
    return 50_000_000
  }

  setTimeout(callback: () => void, delayMs: number): NodeJS.Timeout {
    // A real one that never fires: clearTimeout() works on it, and leaves its mark.
    const handle = setTimeout(() => undefined, 2_147_483_647).unref()
    this.#timers.push({ dueMs: this.#nowMs + delayMs, callback, handle })
    return handle
  }

  /** How long the timers have yet to go that nobody has cleared, in order. */
  get pendingMs(): number[] {
    this.#timers = this.#timers.filter(({ handle }) => !isCleared(handle))
    return this.#timers.map(({ dueMs }) => dueMs - this.#nowMs).sort((a, b) => a - b)
  }

  /** Lets time go by, timer after timer. */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs
    for (;;) {
      await settle()
      this.#timers = this.#timers.filter(({ handle }) => !isCleared(handle))
      const [next] = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs)
      if (!next || next.dueMs > endMs) break
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      clearTimeout(next.handle)
      next.callback()
    }
    this.#nowMs = endMs
    await settle()
  }

  /** Lets time go by in which this process does nothing, as while the machine sleeps. */
  stand(durationMs: number): void {
    this.#nowMs += durationMs
  }

  spawn(command: string, args: string[], options: SpawnOptions): ChildProcess {
    if (this.spawnError) throw this.spawnError
    this.spawned.push({ command, args, options })
    const child = new FakeChild(this.pid + this.spawned.length)
    this.children.push(child)
    return child as unknown as ChildProcess
  }

  openSocket(fd: number): net.Socket {
    return new net.Socket({ fd, readable: true, writable: true })
  }

  onSignal(signal: NodeJS.Signals, listener: () => void): void {
    this.process.on(signal, listener)
  }

  offSignal(signal: NodeJS.Signals, listener: () => void): void {
    this.process.off(signal, listener)
  }

  signalListeners(signal: NodeJS.Signals): readonly unknown[] {
    return this.process.listeners(signal)
  }

  holdListeners(
    signals: readonly NodeJS.Signals[],
    onSignal: (signal: NodeJS.Signals) => void,
  ): HeldListeners {
    return holdListeners(this.process, signals, onSignal)
  }

  onIdle(callback: () => void): () => void {
    this.process.once('beforeExit', callback)
    return () => void this.process.off('beforeExit', callback)
  }

  onNewListener(callback: (event: string | symbol, listener: unknown) => void): () => void {
    this.process.on('newListener', callback)
    return () => void this.process.off('newListener', callback)
  }

  onExit(listener: () => void): void {
    this.process.on('exit', listener)
  }

  offExit(listener: () => void): void {
    this.process.off('exit', listener)
  }

  exit(code: number): void {
    this.exits++
    this.exitCode = code
  }

  terminal(): 'present' | 'gone' | 'none' {
    return this.terminalIs
  }

  /** The signals that somebody listens to. */
  get caught(): string[] {
    return this.process.eventNames().filter((name) => String(name).startsWith('SIG')) as string[]
  }

  /** Delivers a signal, and lets happen what follows at once. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    this.process.emit(signal)
    await settle()
  }

  get child(): FakeChild {
    const child = this.children.at(-1)
    if (!child) throw new Error('nothing has been spawned')
    return child
  }
}

function isCleared(timer: NodeJS.Timeout): boolean {
  return (timer as unknown as { _destroyed: boolean })._destroyed
}

/** A child process that does what the test says. */
export class FakeChild extends EventEmitter {
  pid: number | undefined
  connected = true
  exitCode: number | null = null
  signalCode: NodeJS.Signals | null = null
  /** Whether SIGTERM ends it. */
  isObedient = true
  isReleased = false
  sendError: Error | null = null
  /** Holds the callbacks of `send` back, until `flush`. */
  isCorked = false
  readonly sent: { type: string; [name: string]: unknown }[] = []
  readonly handles: unknown[] = []
  readonly signals: NodeJS.Signals[] = []
  readonly channel = { ref: (): void => undefined, unref: (): void => undefined }
  #corked: (() => void)[] = []

  constructor(pid: number) {
    super()
    this.pid = pid
  }

  send(
    message: { type: string },
    handle: unknown,
    callback: (error: Error | null) => void,
  ): boolean {
    this.sent.push(message)
    if (handle !== undefined) this.handles.push(handle)
    if (message.type === 'taken-over') {
      setImmediate(() => {
        this.say({ type: 'serving' })
      })
    }
    const written = (): void => {
      callback(this.sendError)
    }
    if (this.isCorked) this.#corked.push(written)
    else setImmediate(written)
    return true
  }

  flush(): void {
    this.isCorked = false
    for (const written of this.#corked.splice(0)) written()
  }

  kill(signal: NodeJS.Signals): boolean {
    this.signals.push(signal)
    if (signal === 'SIGKILL' || (signal === 'SIGTERM' && this.isObedient)) {
      setImmediate(() => {
        this.exit(null, signal)
      })
    }
    return true
  }

  unref(): void {
    this.isReleased = true
  }

  /** Reports to the predecessor, as the preload and the library do. */
  say(message: ToPredecessor): void {
    this.emit('internalMessage', { cmd: 'NODE_ENDLESS', ...message })
  }

  /** Boots without a fault: asks for the listeners and says that it is ready. */
  async boot(): Promise<void> {
    this.say({ type: 'hello', version: 1 })
    await settle()
    this.say({ type: 'ready', adopts: [] })
    await settle()
  }

  disconnect(): void {
    if (!this.connected) return
    this.connected = false
    this.emit('disconnect')
  }

  exit(code: number | null, signal: NodeJS.Signals | null = null): void {
    this.exitCode = code
    this.signalCode = signal
    this.disconnect()
    this.emit('exit', code, signal)
  }
}
