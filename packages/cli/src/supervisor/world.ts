import type { ChildProcess, SpawnOptions } from 'node:child_process'
import type { Logger } from '@endless/core/for-cli'

/** What a supervisor needs of the world. */
export interface World {
  readonly logger: Logger
  /** Of this process. */
  readonly pid: number
  now(): number
  spawn(command: string, args: string[], options: SpawnOptions): ChildProcess
  terminal(): 'present' | 'gone' | 'none'
}
