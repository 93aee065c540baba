// Proves what a process knows of what its servers say of it.
import { beforeEach, expect, test } from 'vitest'
import type { Logger } from '../../../src/api/logger.js'
import { ProcessSettings } from '../../../src/process/parts/process-settings.js'

const silent = (): Logger => ({
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
})

const defaultLogger = silent()
let settings: ProcessSettings

beforeEach(() => {
  settings = new ProcessSettings(defaultLogger, () => 3)
})

test('what nobody has said has its default', () => {
  settings.add({ readyTimeoutMs: 1 })
  expect(settings.current).toMatchObject({ readyTimeoutMs: 1, shutdownDelayMs: 0, exit: true })
})

test('what two servers say adds up', () => {
  settings.add({ readyTimeoutMs: 1 })
  settings.add({ exit: false })
  expect(settings.current).toMatchObject({ readyTimeoutMs: 1, exit: false })
})

test('a contradiction is refused, and changes nothing', () => {
  settings.add({ readyTimeoutMs: 1 })
  const conflict = expect.objectContaining({ code: 'ERR_ENDLESS_OPTION_CONFLICT' }) as Error
  const other = { readyTimeoutMs: 2, exit: false }
  expect(() => {
    settings.check(other)
  }).toThrow(conflict)
  expect(() => {
    settings.add(other)
  }).toThrow(conflict)
  expect(settings.current).toMatchObject({ readyTimeoutMs: 1, exit: true })
})

test('what is checked is not added', () => {
  settings.check({ exit: false })
  expect(settings.current.exit).toBe(true)
})

test('the logger is ours until somebody gives one, and again when that is forgotten', () => {
  expect(settings.logger).toBe(defaultLogger)
  const lines: string[] = []
  const logger = { ...silent(), info: (line: string) => void lines.push(line) }
  settings.add({ logger })
  const given = settings.logger
  given.info('a line')
  settings.add({ logger })
  expect([lines, settings.logger === given]).toEqual([['a line'], true])
  settings.forget()
  expect(settings.logger).toBe(defaultLogger)
})

test('a logger with children gets one that names endless and the generation', () => {
  const lines: string[] = []
  const child = (bindings: object): Logger => ({
    ...silent(),
    info: (line) => void lines.push(`${JSON.stringify(bindings)} ${line}`),
  })
  settings.add({ logger: { ...silent(), child } as Logger })
  settings.logger.info('a line')
  expect(lines).toEqual(['{"name":"endless","generation":3} a line'])
})
