import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { EventEmitter } from 'node:events'
import net from 'node:net'
import { type HeldListeners, holdListeners } from '../../../core/dist/node/held-listeners.js'
import type { System } from '../../../core/dist/node/system.js'
import type { Clock } from '../kernel/clock.js'
import type { Handle } from '../kernel/handle.js'
import type { ListenHandle } from '../kernel/listen-handle.js'

/** What the system of a process needs of the world. */
export interface SystemHost {
  readonly pid: number
  readonly ppid: number
  readonly clock: Clock
  readonly env: NodeJS.ProcessEnv
  /** Its end of a second line to an older generation, if it was started with one. */
  readonly extraLine: () => Handle | undefined
  spawn(env: NodeJS.ProcessEnv, hasExtraLine: boolean): ChildProcess
  stillRuns(pid: number): boolean
  signal(pid: number, signal: NodeJS.Signals): void
  exit(code: number): void
  wrote(text: string): void
}

/** The world as one simulated process sees it. */
export class SimulatedSystem implements System {
  readonly platform = 'linux'
  readonly pid: number
  readonly ppid: number
  readonly execPath = process.execPath
  readonly execArgv: string[] = []
  readonly argv = [process.execPath, '/app.js']
  readonly env: NodeJS.ProcessEnv
  readonly isSingleExecutable = false
  readonly startDirectory = '/'
  readonly programPlaces: string[] = []
  readonly isForked = false
  readonly isClusterWorker = false
  readonly isWorkerThread = false
  readonly startEnvironment = undefined
  readonly self = {}
  /** Stands for `process` as far as listeners go. */
  readonly events = new EventEmitter()
  readonly #host: SystemHost
  readonly #stderr: NodeJS.WritableStream

  constructor(host: SystemHost) {
    this.#host = host
    this.pid = host.pid
    this.ppid = host.ppid
    this.env = host.env
    const stderr = Object.assign(new EventEmitter(), {
      write: (text: string, written?: () => void) => {
        host.wrote(text)
        if (written) process.nextTick(written)
        return true
      },
    })
    this.#stderr = stderr as unknown as NodeJS.WritableStream
  }

  readonly stderr = (): NodeJS.WritableStream => this.#stderr
  readonly isParent = (pid: number): boolean => pid === this.ppid && this.#host.stillRuns(pid)

  readonly isSibling = (): boolean => true

  listensOfThreads(): string[] {
    return []
  }

  cwd(): string {
    return '/'
  }

  now(): number {
    return this.#host.clock.nowMs
  }

  monotonicUs(): bigint {
    return BigInt(Math.round(this.now() * 1_000))
  }

  memoryBytes(): number {
    return 0
  }

  stillRuns(pid: number): boolean {
    return this.#host.stillRuns(pid)
  }

  signalProcess(pid: number, signal: NodeJS.Signals): void {
    this.#host.signal(pid, signal)
  }

  isHeldElsewhere(listener: object): Promise<boolean> {
    const { copies } = (listener as ListenHandle).listener
    return Promise.resolve([...copies].some(({ owner }) => owner.name !== String(this.pid)))
  }

  holderOf(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  setTimeout(callback: () => void, delayMs: number): NodeJS.Timeout {
    return setTimeout(callback, delayMs)
  }

  spawn(_command: string, _args: string[], { env = {}, stdio }: SpawnOptions): ChildProcess {
    return this.#host.spawn(env, Array.isArray(stdio) && stdio.length > 5)
  }

  openSocket(): net.Socket {
    return new net.Socket({ handle: this.#host.extraLine() } as net.SocketConstructorOpts)
  }

  onSignal(signal: NodeJS.Signals, listener: () => void): void {
    this.events.on(signal, listener)
  }

  offSignal(signal: NodeJS.Signals, listener: () => void): void {
    this.events.off(signal, listener)
  }

  signalListeners(signal: NodeJS.Signals): readonly unknown[] {
    return this.events.listeners(signal)
  }

  signalExitListeners(): number {
    return 0
  }

  holdListeners(
    signals: readonly NodeJS.Signals[],
    onSignal: (signal: NodeJS.Signals) => void,
  ): HeldListeners {
    return holdListeners(this.events, signals, onSignal)
  }

  onNewListener(callback: (event: string | symbol, listener: unknown) => void): () => void {
    this.events.on('newListener', callback)
    return () => void this.events.off('newListener', callback)
  }

  onIdle(callback: () => void): () => void {
    this.events.once('beforeExit', callback)
    return () => void this.events.off('beforeExit', callback)
  }

  onExit(listener: () => void): void {
    this.events.on('exit', listener)
  }

  offExit(listener: () => void): void {
    this.events.off('exit', listener)
  }

  exit(code: number): void {
    this.#host.exit(code)
  }

  terminal(): 'none' {
    return 'none'
  }
}
