import { hookSignals } from '../api/hooks.js'
import type { JsonOptions } from '../api/json-options.js'
import type { RestartOptions, RestartReport, RestartRequest } from '../api/reports.js'
import type { GenerationStatus } from '../api/status.js'
import type { Counts } from '../control/tally.js'
import type { Channel } from '../line/channel.js'
import type { UnixAddress } from '../listeners/address.js'
import type { ListenerName, PassedListener, PassedUdpSocket } from '../listeners/passed-listener.js'
import type { PassedTicketKeys } from '../listeners/ticket-keys.js'
import type { MovedConnection } from '../migration/migration.js'
import type { MovedUpgrade } from '../migration/upgrade-migration.js'
import type { RawHandle } from '../node/internals/raw-handle.js'
import type { NotifyAddress } from '../service-manager/variables.js'
import type { ErrorReport, RefusalReport } from './error-report.js'

// The messages between two generations, and what the preload leaves for the library. The two sides can
// come from different versions of this package.

/** Version of these messages. A successor of another version still gets the listeners, but no connections. */
export const protocolVersion = 1

/** The variable with the {@link Entry} of a process, in JSON. */
export const entryVariable = 'NODE_ENDLESS'

/** What a process is told by its parent as it is started, so that it can come in before anything has arrived. */
export interface Entry {
  /** Pid of the parent. A process that another one started is none of its children. */
  parent: number
  /** Number in the chain. */
  generation: number
  /** Whether the parent is a supervisor. */
  isSupervised: boolean
  orphaned: Orphaned
  /** The directory in which the process is started, as the user named it. */
  directory: string
  /** Options that the parent added, and that are hidden: `[['--inspect-port=0']]`. */
  execArgv: string[][]
  /** What the parent put in front of `NODE_OPTIONS`: `--require "/tmp/endless-0/preload.cjs"`. */
  nodeOptions?: string | undefined
  /** The file of the preload, which threads read again. */
  preload?: string | undefined
  /** The file of `@endless/core/register`, which a generation of `endless run` loads before the program. */
  register?: string | undefined
  /** The flags of `endless run` that are options of the program. */
  options?: JsonOptions | undefined
}

/**
 * What a successor does if its parent dies before it has welcomed it: it serves as generation 0 would, asks an
 * older generation first whether that serves again, or exits, since another generation serves.
 */
export type Orphaned = 'serve' | 'ask' | 'exit'

/** Key on `globalThis` under which a process finds the pid of a parent that has not started it itself. */
export const strangerKey = Symbol.for('@endless/core:stranger')

/** Key on `globalThis` under which the preload leaves what it received. */
export const inheritanceKey = Symbol.for('@endless/core:inheritance')

/**
 * Messages from the predecessor. Each `listener` comes with its handle, that of a listening or of a UDP socket, and
 * `welcome` follows the last one.
 * See docs/decisions.md, "The listening socket itself is passed"
 */
export type ToSuccessor =
  | ({ type: 'listener' } & ListenerName)
  | {
      type: 'welcome'
      version: number
      /** Number of the successor in the chain. */
      generation: number
      /** The working directory as the user named it, with symbolic links kept; '' if unknown. */
      directory: string
      /** TLS ticket keys by the bound address of their server: `[::]:443`. */
      ticketKeys: Record<string, PassedTicketKeys>
      /** Added by the supervisor that relays these messages, if there is one. */
      supervisor?: SupervisorFacts | undefined
      /** The service manager that the successor notifies once it serves. A supervisor does so itself. */
      serviceManager?: NotifyAddress | undefined
      /**
       * Whether an older generation still drains, which may serve again if this predecessor dies: then the
       * successor must not take over by itself. `line`: it can be asked by a line of its own. `silent`: it
       * did not react when it was told.
       */
      fallback?: Fallback | undefined
      /** The predecessor's control socket, whose path the successor takes over. */
      control?: UnixAddress | undefined
      /** What the service has counted so far. A supervisor puts its own there. */
      counts?: Counts | undefined
      /** The slot of a worker whose supervisor is gone, if that is not 0, and how many slots there were. */
      slot?: number | undefined
      workers?: number | undefined
    }
  /**
   * Tells the successor to accept from now on. `afterMs` is the time since the restart was requested, and
   * `dropped` are the addresses of the predecessor that refuse from now on. With `probationMs` the predecessor
   * stays behind for that long; negative: until it is told to end.
   */
  | {
      type: 'taken-over'
      afterMs?: number | undefined
      dropped?: string[] | undefined
      probationMs?: number | undefined
    }
  /** Asks the successor for a sign of life while it is on probation. */
  | { type: 'ask-alive' }
  /** Asks what the successor has answered on probation, counted from the first such message on. */
  | { type: 'ask-answers' }
  /** The probation of the successor has passed. */
  | { type: 'proven' }
  /**
   * The predecessor serves again, at the addresses `serves`, and adopts connections at `adopts`: the successor
   * gives back what it has, and ends.
   */
  | { type: 'rollback'; reason: string; serves: string[]; adopts: string[] }
  /** Follows `rollback`: pid file and control socket lead to the predecessor again. `to` as below. */
  | { type: 'serves-again'; to: number }
  /** Answers a connection that came back. `to` is the pid of the process that gave it. */
  | {
      type: 'return-answer'
      of: 'connection' | 'upgrade'
      id: number
      isAdopted: boolean
      to: number
    }
  /** Answers `ask-older` with the status of the predecessor and of all older generations, oldest first. */
  | { type: 'older'; id: number; generations: GenerationStatus[] }
  | AskMetrics
  | MovedConnection
  | MovedUpgrade

/** What a generation learns about its supervisor. */
export interface SupervisorFacts {
  /** Whether the supervisor is the foreground job of a terminal. */
  isAtTerminal: boolean
  /**
   * Whether no generation has served before, so that this one has nothing to wait for.
   * See docs/decisions.md, "The first generation accepts at once"
   */
  isFirst: boolean
  /** The slot of this generation, from 0. Another version may not say: it has one. */
  slot?: number | undefined
  /** How many slots there are. */
  workers?: number | undefined
  /** Whether it keeps the TLS ticket keys that a generation renews, for all workers. Another version may not. */
  sharesTicketKeys?: boolean | undefined
  /** Whether it passes UDP sockets on, and keeps copies of them. Another version may not. */
  takesUdp?: boolean | undefined
}

/** Messages from the successor. */
export type ToPredecessor =
  /** `takesUdp`: a version that takes UDP sockets, too. */
  | { type: 'hello'; version: number; takesUdp?: boolean | undefined }
  | { type: 'error'; error: ErrorReport }
  | { type: 'stderr'; text: string }
  /**
   * A copy of a socket that the successor listens on, with its handle. The first copies come before
   * `ready`. A supervisor also gets the ticket keys, for a replacement if this generation dies, and alone
   * gets UDP sockets: a predecessor keeps its own, to send on it.
   */
  | ({ type: 'escrow'; ticketKeys?: PassedTicketKeys | undefined } & ListenerName)
  /** The sender no longer listens there: connections should be refused, not wait in the queue of a copy. */
  | { type: 'released'; bound: string }
  | {
      type: 'ready'
      /** Addresses where the successor adopts connections: `['127.0.0.1:3000']`. */
      adopts: string[]
      /** All addresses where it listens. Another version may not say. */
      serves?: string[] | undefined
      /** Whether its option `allowAddressChange` lets these be none of its predecessor's. */
      allowsAddressChange?: boolean | undefined
      /** The pid file that the successor will write. Its predecessor must not remove it any more. */
      pidFile?: string | undefined
      /** The path for the successor's control socket. */
      control?: string | undefined
      /** How long a replacement may boot if this generation dies. */
      readyTimeoutMs?: number | undefined
      /** How long it stays behind after a restart that does not say so; a roll heeds that. */
      probationMs?: number | undefined
      /** Whether it knows the messages of a probation. */
      givesBack?: boolean | undefined
      /** Whether it knows `ask-answers`. */
      countsAnswers?: boolean | undefined
    }
  /**
   * The sender serves, for the first time or again. Its pid file and control socket already show that;
   * `control` is where the latter is bound.
   */
  | { type: 'serving'; control?: UnixAddress | undefined }
  | { type: 'adopted' | 'declined' | 'upgrade-adopted' | 'upgrade-declined'; id: number }
  /** The sender's own successor has taken over. Connections still go through the sender. */
  | { type: 'succeeded' }
  /** The sender serves after all: that successor has died, or did not take over. New copies of its sockets follow. */
  | { type: 'taken-back' }
  /** Its own successor boots; the handle is a line to that: see {@link HeirLine}. */
  | { type: 'heir' }
  /** Asks for the status of the predecessor and of all older generations, hammered first if `isHammered`. */
  | { type: 'ask-older'; id: number; isHammered: boolean }
  /** How many generations may live, from the receiver back to the oldest. With 0 the receiver ends at once. */
  | { type: 'limit'; living: number }
  /**
   * The sender shuts down and takes nothing more. If it had taken over, its predecessor must not take over
   * again; if not, its predecessor must keep serving.
   * See docs/decisions.md, "A successor that leaves too early fails the restart"
   */
  | { type: 'leaving'; hasTakenOver?: boolean | undefined }
  /** Answers `ask-alive`, as soon as the event loop turns. */
  | { type: 'alive' }
  /** Answers `ask-answers`: how many answers, and how many of them were errors. */
  | { type: 'answers'; answers: number; errors: number }
  /** Asks the predecessor to serve again: the sender, on probation, is bad. */
  | { type: 'ask-rollback'; reason: string }
  /** Asks the predecessor to end the probation: the sender is proven. */
  | { type: 'ask-proven' }
  /** Answers `rollback`. */
  | { type: 'giving-back' }
  /** A connection goes back to the predecessor, with its handle, as `connection` and `upgrade` do. */
  | ReturnedConnection
  | ReturnedUpgrade
  | MetricsAnswer
  /** What the sender has counted, for its predecessor: that may have to serve again. */
  | { type: 'counted'; counts: Counts }

/** Asks the process that serves, or the supervisor, for the metrics of the service. */
export interface AskMetrics {
  type: 'ask-metrics'
  id: number
}

/** Answers `ask-metrics`. */
export interface MetricsAnswer {
  type: 'metrics'
  id: number
  text: string
}

export type ReturnedConnection = Omit<MovedConnection, 'type'> & { type: 'returned-connection' }

export type ReturnedUpgrade = Omit<MovedUpgrade, 'type'> & { type: 'returned-upgrade' }

/** Signals that a process sends to its successor; a supervisor sends no other one for it. */
export const successorSignals = [...hookSignals, 'SIGKILL'] as const

export type SuccessorSignal = (typeof successorSignals)[number]

/** Any message between two generations. */
export type Message = ToSuccessor | ToPredecessor

/**
 * Messages from a generation to the supervisor that is its parent. They include those to its predecessor
 * and to its successor, which the supervisor passes on by their type.
 * See docs/decisions.md, "The supervisor is a relay"
 */
export type ToSupervisor =
  | ToPredecessor
  | ToSuccessor
  /**
   * Asks for a successor. Answered by `spawned` or `spawn-failed`; `exited` follows when it is gone.
   * `overrides` names the options of `successor` that the launch follows: `['command']`. A supervisor that
   * does not trust the sender heeds no launch, and refuses if there are any.
   */
  | { type: 'spawn'; launch: SpawnRequest; overrides: string[] }
  /** Asks to signal the successor; with `pid`, one that was rolled back. */
  | { type: 'kill'; signal: SuccessorSignal; pid?: number | undefined }
  /** The sender's successor has died, and the sender does not serve again. */
  | { type: 'not-serving' }
  | { type: 'answer'; id: number; value: unknown }
  | { type: 'refusal'; id: number; error: RefusalReport }
  /** Gives an open connection, with its handle, to another worker; answered by `taken`. */
  | (Omit<MovedConnection, 'type'> & { type: 'given' })
  | { type: 'taken'; id: number; isTaken: boolean }
  | ({ type: 'load' } & Load)
  /**
   * Gives new ticket keys for the TLS server at this address, in place of those that began at `sinceMs`. Answered by
   * `ticket-keys`, with these or with those that another worker has given before.
   */
  | { type: 'renew-ticket-keys'; bound: string; ticketKeys: PassedTicketKeys; sinceMs: number }
  /** Asks for a restart of all slots. Answered by `restarted` or `not-restarted`. */
  | ({ type: 'restart'; id: number } & RestartRequest)

/** How to start a process: `{ command: '/usr/bin/node', args: ['app.js'], cwd: '/srv/current', env }`. */
export interface SpawnRequest {
  command: string
  args: string[]
  cwd: string
  env: NodeJS.ProcessEnv
}

/** Messages from the supervisor to a generation, including those that it passes on from other generations. */
export type FromSupervisor =
  /** With `from`, its pid: of a successor that was rolled back, and gives back what it has. */
  | (ToPredecessor & { from?: number | undefined })
  | ToSuccessor
  | { type: 'spawned'; pid: number }
  | { type: 'spawn-failed'; error: ErrorReport }
  /** The successor has ended; with `pid`, one that was rolled back. */
  | {
      type: 'exited'
      code: number | null
      signal: NodeJS.Signals | null
      pid?: number | undefined
    }
  /** A connection that another worker gives, with its handle; answered by `taken`. */
  | (Omit<MovedConnection, 'type'> & { type: 'given' })
  | { type: 'taken'; id: number; isTaken: boolean }
  /** Answered by `load`. */
  | { type: 'measure' }
  /** Asks to give so many idle connections to other workers. */
  | { type: 'give'; count: number }
  /** Makes this worker give all its connections to other workers, and end. */
  | { type: 'leave' }
  /** How many slots there are from now on. */
  | { type: 'workers'; workers: number }
  /** The ticket keys that all workers have for the TLS server at this address from now on. */
  | { type: 'ticket-keys'; bound: string; ticketKeys: PassedTicketKeys }
  | { type: 'restarted'; id: number; report: RestartReport }
  | { type: 'not-restarted'; id: number; error: RefusalReport }
  /** The predecessor has exited, or never existed: nothing more comes from it. */
  | { type: 'predecessor-gone' }
  /** Answered by `answer` with a `RestartReport` or a `GenerationStatus`, or by `refusal`. */
  | ({ type: 'ask'; id: number } & Question)

/** What a worker has to do: how many connections are open, and the share of time in which its loop is busy. */
export interface Load {
  open: number
  utilization: number
}

/** What a supervisor asks a generation: `{ what: 'status' }`. */
export type Question =
  | { what: 'status' }
  | ({ what: 'restart' } & RestartOptions)
  /** Ends the probation of its successor, which is proven. Answered with its status. */
  | { what: 'prove' }
  /** Rolls the successor back. Answered with the status when the predecessor serves again. */
  | { what: 'rollback'; reason: string }

/** How an older generation can be asked whether it serves again. */
export type Fallback = 'line' | 'silent'

/** What a predecessor says when it gives way; nothing if it has died. */
export type Takeover = Omit<Extract<ToSuccessor, { type: 'taken-over' }>, 'type'>

/** The message that follows the last `listener`. */
export type Welcome = Extract<ToSuccessor, { type: 'welcome' }>

/** What a process inherits: what it was told at its start, and what arrives. */
export interface Inheritance {
  version: number
  entry: Entry
  /** `undefined` until it has arrived. */
  welcome: Welcome | undefined
  /** The sockets that have arrived: all of them, once `welcome` has. */
  readonly held: PassedListener[]
  /** The UDP sockets among them, apart: a library of another version would take them for TCP. */
  readonly heldUdp?: PassedUdpSocket[] | undefined
  /** Settles when `welcome` has arrived, or with `false` when the line closes before. */
  readonly arrived: Promise<boolean>
  channel: Channel<ToPredecessor, ToSuccessor>
  /** Called with the reason when the parent has sent anything but a message. Core sets it. */
  onGarbage: (reason: unknown) => void
  /** Takes the messages until `welcome`, and that itself. */
  receive(message: ToSuccessor, handle: RawHandle | undefined): void
  /** Stops reporting errors and standard error to the predecessor. */
  stopReporting(): void
  /** Reports from now on only what the process dies of, at its end. */
  reportAtEnd(): void
}
