// Proves what a process knows of what its servers say of it.
import { beforeEach, expect, test } from 'vitest'
import type { Logger } from '../../../src/api/logger.js'
import { OutsideOptions } from '../../../src/process/parts/outside-options.js'
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
    settings.with(other)
  }).toThrow(conflict)
  expect(() => {
    settings.add(other)
  }).toThrow(conflict)
  expect(settings.current).toMatchObject({ readyTimeoutMs: 1, exit: true })
})

test('what would be said is not added', () => {
  expect(settings.with({ exit: false }).exit).toBe(false)
  expect(settings.current.exit).toBe(true)
})

test('a flag wins over code, code over package.json, and that over a default', () => {
  const outside = new OutsideOptions(
    () => ({ from: 'endless run', server: {}, process: { readyTimeoutMs: 1 } }),
    () => ({
      from: '/srv/package.json',
      server: {},
      process: { readyTimeoutMs: 3, shutdownDelayMs: 3, exit: false, ready: 'manual' },
    }),
  )
  settings = new ProcessSettings(defaultLogger, () => 0, outside)
  settings.suggest({ otherSignalListeners: 'hold', exit: true })
  settings.add({ readyTimeoutMs: 2, shutdownDelayMs: 2 })
  expect(settings.current).toMatchObject({ readyTimeoutMs: 2, exit: true, ready: 'listening' })
  outside.read()
  expect(settings.current).toMatchObject({
    readyTimeoutMs: 1,
    shutdownDelayMs: 2,
    exit: false,
    ready: 'manual',
    otherSignalListeners: 'hold',
    unclaimedGraceMs: 10_000,
  })
  expect(settings.layers.map(({ from }) => from)).toEqual([
    'endless run',
    'code',
    '/srv/package.json',
    'default without code',
  ])
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
