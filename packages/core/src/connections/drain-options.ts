import type http from 'node:http'
import type net from 'node:net'
import type { Migration } from '../migration/migration.js'
import type { System } from '../node/system.js'

// The options of a drain, and the default grace of idle connections.

const minRestartGraceMs = 5_000
const maxShutdownGraceMs = 5_000

/** The facts that decide the grace of idle connections. */
interface Circumstances {
  reason: 'handoff' | 'shutdown'
  /** Whether Ctrl-C asked for the drain: a user waits at a terminal. */
  isInteractive: boolean
  /** The option `idleGraceMs`, if it is set. */
  givenMs: number | undefined
}

/** Returns how long a connection must have been idle in a drain before it is closed. */
export function idleGraceMs(
  server: net.Server,
  { reason, isInteractive, givenMs }: Circumstances,
): number {
  if (isInteractive) return 0
  // A raw server has no keep-alive timeout, nor has an HTTP/2 server before Node 24.
  const { keepAliveTimeout = 0 } = server as Partial<http.Server>
  if (reason === 'handoff') {
    // `Keep-Alive: timeout=N` was a promise to the client; a restart is no reason to break it.
    return Math.max(keepAliveTimeout, givenMs ?? minRestartGraceMs)
  }
  return givenMs ?? Math.min(keepAliveTimeout || maxShutdownGraceMs, maxShutdownGraceMs)
}

/** The way of a server's connections to the successor. */
export interface WayOut {
  migration: Migration
  /** The address by which the successor knows the server. */
  bound: string
  /** Whether the application lets a connection move now; if undefined, every connection may. */
  mayMove: ((socket: net.Socket) => boolean) | undefined
}

/** The options of one server's drain. */
export interface DrainOptions {
  system: System
  /** How long a connection that a server speaks on must have been idle before it is closed. */
  idleGraceMs: (server: net.Server) => number
  /** When the connections that are left are destroyed; negative: never by itself. */
  hammerTimeMs: number
  wayOut?: WayOut | undefined
}
