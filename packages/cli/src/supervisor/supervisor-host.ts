import type { ChildProcess, SpawnOptions } from 'node:child_process'
import type { Logger } from '@endless/core/for-cli'
import type { Generation } from './generation.js'

/** What `Supervisor` needs from its surroundings: the process, and calls when its state changes. */
export interface SupervisorHost {
  readonly logger: Logger
  /** The pid of this process. */
  readonly pid: number
  now(): number
  spawn(command: string, args: string[], options: SpawnOptions): ChildProcess
  /** Returns the user of a child if it is another than that of this process: `uid 1000`. */
  otherUserOf(pid: number): string | undefined
  terminal(): 'present' | 'gone' | 'none'
  /** Called when a generation serves, for the first time or again. */
  serving(generation: Generation): void
  /** Called when a restart begins. */
  restarting(): void
  /** Called when a restart has failed. */
  restartFailed(reason: string): void
  /** Called when the service shuts down. */
  stopping(): void
}
