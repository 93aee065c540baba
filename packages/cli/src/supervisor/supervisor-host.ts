import type { ChildProcess, SpawnOptions } from 'node:child_process'
import type { Logger } from '@endless/core/for-cli'
import type { Generation } from './generation.js'

/** What a supervisor needs from its surroundings: the world, and listeners to what happens. */
export interface SupervisorHost {
  readonly logger: Logger
  /** The pid of this process. */
  readonly pid: number
  now(): number
  spawn(command: string, args: string[], options: SpawnOptions): ChildProcess
  terminal(): 'present' | 'gone' | 'none'
  /** A generation serves, for the first time or again. */
  serving(generation: Generation): void
  /** A generation asks for a successor. */
  restarting(): void
  /** A successor ended before it served: its predecessor serves on. */
  restartFailed(reason: string): void
  /** The service shuts down. */
  stopping(): void
}
