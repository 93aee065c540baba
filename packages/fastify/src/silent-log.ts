import type { FastifyBaseLogger } from 'fastify'

/**
 * Whether a logger is the one that Fastify gives an app without a logger. It discards everything, so the
 * reason for a failed restart would be lost.
 *
 * Fastify marks this logger in no other way. It is an object of abstract-logging (Fastify's
 * lib/logger-factory.js): it has no level, and inherits one function without parameters for all levels. A
 * logger that the user silenced with `{ level: 'silent' }` has a level.
 */
export function isSilent(log: FastifyBaseLogger): boolean {
  const { level, info, warn, error } = log as Partial<FastifyBaseLogger>
  return (
    level === undefined &&
    error?.length === 0 &&
    error === info &&
    error === warn &&
    !Object.hasOwn(log, 'error')
  )
}
