import type { FastifyBaseLogger } from 'fastify'

/**
 * Whether that is the logger of an app that was given none: nobody would hear why a restart failed.
 *
 * Fastify tells by nothing else: it is an object of abstract-logging (Fastify's lib/logger-factory.js), which
 * inherits one function without a parameter for all levels, and has no level. One that somebody has silenced,
 * `{ level: 'silent' }`, has.
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
