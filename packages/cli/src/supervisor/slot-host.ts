import type { ChildProcess, SpawnOptions } from 'node:child_process'
import type {
  Counts,
  Logger,
  MoveReason,
  RestartOutcome,
  RestartReport,
  RestartRequest,
} from '@endless/core/for-cli'
import type { KeptSocket } from './escrow.js'
import type { Exchange } from './exchange.js'
import type { Generation } from './generation.js'
import type { SharedTicketKeys } from './shared-ticket-keys.js'

/** Slots whose workers die again and again of the same: one of them tells for all. */
export interface DyingAlike {
  /** How many they are. */
  count: number
  /** Whether this slot tells. */
  tells: boolean
}

/** What a {@link Slot} needs from its surroundings: the process, the other slots, and calls when its state changes. */
export interface SlotHost {
  readonly logger: Logger
  /** The pid of this process. */
  readonly pid: number
  /** Returns how many slots the service has. */
  workers(): number
  /** How long the event loop of a generation may be blocked, in ms; 0: for ever. */
  readonly maxBlockedMs: number
  now(): number
  spawn(command: string, args: string[], options: SpawnOptions): ChildProcess
  /** Returns the user of a child if it is another than that of this process: `uid 1000`. */
  otherUserOf(pid: number): string | undefined
  terminal(): 'present' | 'gone' | 'none'
  /** Returns the sockets on which other slots serve. */
  shared(): KeptSocket[]
  /** Passes open connections to other slots. */
  readonly exchange: Exchange
  /** The ticket keys that slots share. */
  readonly ticketKeys: SharedTicketKeys
  /** Returns who tells of the last death in this slot. */
  dyingAlike(): DyingAlike
  /** Restarts the whole service, which a generation asks for. */
  restart(request: RestartRequest): Promise<RestartReport>
  /** Called when a generation serves, for the first time or again. */
  serving(generation: Generation): void
  /** Called when a restart begins. */
  restarting(): void
  /** Called when a restart has failed. */
  restartFailed(reason: string): void
  /**
   * Called with how a restart has ended.
   *
   * @param durationMs how long it took until the successor had taken over; `undefined` if it has not
   */
  restarted(outcome: RestartOutcome, durationMs?: number): void
  /** Called for each connection that has moved from one generation to another. */
  moved(why: MoveReason): void
  /** Returns what the service has counted. */
  counts(): Counts
  /** Resolves with the metrics of the service. */
  metrics(): Promise<string>
  /** Called when the slot is to end. */
  stopping(): void
}
