import type { GenerationStatus } from '../api/status.js'
import type { Channel } from '../line/channel.js'
import type { UnixAddress } from '../listeners/address.js'
import type { ListenerName, PassedListener } from '../listeners/passed-listener.js'
import type { PassedTicketKeys } from '../listeners/ticket-keys.js'
import type { MovedConnection } from '../migration/migration.js'
import type { MovedUpgrade } from '../migration/upgrade-migration.js'
import type { NotifyAddress } from '../service-manager/variables.js'
import type { ErrorReport, RefusalReport } from './error-report.js'

// The wire between two generations, and the seam between the preload and the library: both can come
// from two different versions of this package.

/** Version of this wire. A generation that meets another one still passes on its listeners. */
export const protocolVersion = 1

/** Where the preload leaves what it received, for the library to find: `globalThis[...]`. */
export const inheritanceKey = Symbol.for('@endless/core:inheritance')

/** From the predecessor. Listeners come first, each with its handle; `welcome` ends them. */
export type ToSuccessor =
  | ({ type: 'listener' } & ListenerName)
  | {
      type: 'welcome'
      version: number
      /** Number of the successor in the chain. */
      generation: number
      /** The working directory as the user named it, symbolic links kept; '' if unknown. */
      directory: string
      /** What the predecessor added to the Node options, to be hidden again. */
      addedExecArgv: string[]
      /** TLS ticket keys by the address where their server is bound: `[::]:443`. */
      ticketKeys: Record<string, PassedTicketKeys>
      /** Added by the supervisor through which all comes, if there is one. */
      supervisor?: SupervisorFacts | undefined
      /** The service manager that this process answers to once it serves; a supervisor does so itself. */
      serviceManager?: NotifyAddress | undefined
      /** Where its control socket is, whose path the successor takes. */
      control?: UnixAddress | undefined
    }
  /** Accept from now on. `afterMs`: since the restart was asked for. */
  | { type: 'taken-over'; afterMs?: number | undefined }
  /** Answers `ask-older`: itself, and what is older still, from the oldest on. */
  | { type: 'older'; id: number; generations: GenerationStatus[] }
  | MovedConnection
  | MovedUpgrade

/** What a generation is told of its supervisor. */
export interface SupervisorFacts {
  /** Whether that is the foreground job of a terminal. */
  isAtTerminal: boolean
  /** Whether nobody has served before: then there is nothing to wait for before accepting. */
  isFirst: boolean
}

/** From the successor. */
export type ToPredecessor =
  | { type: 'hello'; version: number }
  | { type: 'error'; error: ErrorReport }
  | { type: 'stderr'; text: string }
  /**
   * A copy of a socket that it listens on, with its handle; the first ones come before `ready`. A
   * supervisor gets the ticket keys too, for what replaces this generation if it dies.
   */
  | ({ type: 'escrow'; ticketKeys?: PassedTicketKeys | undefined } & ListenerName)
  /** It listens there no longer: connections shall be refused, not wait in the queue of a copy. */
  | { type: 'released'; bound: string }
  | {
      type: 'ready'
      /** Where it adopts connections: `['127.0.0.1:3000']`. */
      adopts: string[]
      /** The pid file that it will write, and that its predecessor must not remove any more. */
      pidFile?: string | undefined
      /** Where it wants its control socket. */
      control?: string | undefined
      /** How long what replaces it if it dies may boot. */
      readyTimeoutMs?: number | undefined
    }
  /** It serves, for the first time or again, and its pid file and control socket say so. */
  | { type: 'serving' }
  | { type: 'adopted' | 'declined' | 'upgrade-adopted' | 'upgrade-declined'; id: number }
  /** Its own successor has taken over; connections still go through it. */
  | { type: 'succeeded' }
  /** Asks for the status of the predecessor and of what is older, hammered first if told so. */
  | { type: 'ask-older'; id: number; isHammered: boolean }
  /**
   * It shuts down: it takes nothing more. Its predecessor must not take over again if it has taken over, and must go on
   * serving if not.
   */
  | { type: 'leaving'; hasTakenOver?: boolean | undefined }

export type Message = ToSuccessor | ToPredecessor

/**
 * From a generation to the supervisor that is its parent. What is meant for its predecessor or its
 * successor goes the same way: the supervisor passes it on, by its type.
 */
export type ToSupervisor =
  | ToPredecessor
  | ToSuccessor
  /** Asks for a successor. Answered by `spawned` or `spawn-failed`, and when it is gone by `exited`. */
  | { type: 'spawn'; launch: SpawnRequest }
  /** Asks to signal the successor. */
  | { type: 'kill'; signal: NodeJS.Signals }
  /** Its successor has died, and it does not serve again. */
  | { type: 'not-serving' }
  | { type: 'answer'; id: number; value: unknown }
  | { type: 'refusal'; id: number; error: RefusalReport }

/** How to start a process: `{ command: '/usr/bin/node', args: ['app.js'], cwd: '/srv/current', env }`. */
export interface SpawnRequest {
  command: string
  args: string[]
  cwd: string
  env: NodeJS.ProcessEnv
}

/** From the supervisor to a generation, beside what it passes on from its neighbours. */
export type FromSupervisor =
  | ToPredecessor
  | ToSuccessor
  | { type: 'spawned'; pid: number }
  | { type: 'spawn-failed'; error: ErrorReport }
  | { type: 'exited'; code: number | null; signal: NodeJS.Signals | null }
  /** The predecessor has exited, or there is none: nothing more comes from it. */
  | { type: 'predecessor-gone' }
  /** Answered by `answer` with a `RestartReport` or a `GenerationStatus`, or by `refusal`. */
  | { type: 'ask'; id: number; what: 'restart' | 'status' }

export type Welcome = Extract<ToSuccessor, { type: 'welcome' }>

/** What the preload leaves for the library. */
export interface Inheritance {
  version: number
  welcome: Welcome
  held: PassedListener[]
  channel: Channel<ToPredecessor, ToSuccessor>
  /** Ends the reporting of errors and of standard error to the predecessor. */
  stopReporting(): void
  /** From now on reports only what the process dies of, at its end. */
  reportAtEnd(): void
}
