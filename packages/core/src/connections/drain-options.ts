import type http from 'node:http'
import type net from 'node:net'
import type { Migration } from '../migration/migration.js'
import type { System } from '../node/system.js'

const minRestartGraceMs = 5_000
const maxShutdownGraceMs = 5_000

/** What the grace of idle connections depends on. */
interface Circumstances {
  reason: 'handoff' | 'shutdown'
  /** Asked for by Ctrl-C: somebody waits at a terminal. */
  isInteractive: boolean
  /** What the user has set. */
  givenMs: number | undefined
}

/** Tells how long a connection must have been quiet in a drain before it is closed. */
export function idleGraceMs(
  server: net.Server,
  { reason, isInteractive, givenMs }: Circumstances,
): number {
  if (isInteractive) return 0
  // A raw server has none, nor has one of HTTP/2 before Node 24.
  const { keepAliveTimeout = 0 } = server as Partial<http.Server>
  if (reason === 'handoff') {
    // `Keep-Alive: timeout=N` was a promise to the client that a restart is no reason to break.
    return Math.max(keepAliveTimeout, givenMs ?? minRestartGraceMs)
  }
  return givenMs ?? Math.min(keepAliveTimeout || maxShutdownGraceMs, maxShutdownGraceMs)
}

/** Where the connections of a server may go. */
export interface WayOut {
  migration: Migration
  /** The address by which the successor knows the server. */
  bound: string
  /** Whether the application lets this connection go, now; without it each goes. */
  mayMove: ((socket: net.Socket) => boolean) | undefined
}

export interface DrainOptions {
  system: System
  /** How long a connection must have been quiet before it is closed. */
  idleGraceMs: number
  wayOut?: WayOut | undefined
}
