// Proves what a server goes by where its options say nothing, and what its siblings take from it.
import net from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { defaults } from '../../src/api/defaults.js'
import type { ServerOptions } from '../../src/api/options.js'
import { ServerSettings } from '../../src/server/server-settings.js'

const before = { ...defaults }
let logged: string[] = []
const log = (text: string): void => void logged.push(text)

const createSettings = (options: ServerOptions): ServerSettings =>
  new ServerSettings(options, { logger: { info: log, warn: log, error: log } })

afterEach(() => {
  Object.assign(defaults, before)
  logged = []
})

test('the hammer time is the default of the moment when it is asked for', () => {
  const settings = createSettings({})
  expect(settings.hammerTimeMs).toBe(60_000)
  defaults.hammerTimeMs = 1_000
  expect(settings.hammerTimeMs).toBe(1_000)
  expect(createSettings({ hammerTimeMs: -1 }).hammerTimeMs).toBe(-1)
})

test('each limit that is not given is the default', () => {
  Object.assign(defaults, { readTimeoutMs: 1_000, maxHeaderBytes: 2_000 })
  expect(createSettings({ readTimeoutMs: 0 }).limits).toEqual({
    readTimeoutMs: 0,
    writeTimeoutMs: undefined,
    maxHeaderBytes: 2_000,
  })
})

test('connections move, unless the application says no to all or to each', () => {
  const socket = new net.Socket()
  const moves = (
    migrateConnections?: boolean | (() => boolean),
  ): [boolean, boolean | undefined] => {
    const settings = createSettings(migrateConnections === undefined ? {} : { migrateConnections })
    return [settings.migrates, settings.mayMove?.(socket)]
  }
  expect(moves()).toEqual([true, undefined])
  expect(moves(false)).toEqual([false, undefined])
  expect(moves(() => false)).toEqual([true, false])
  expect(moves(() => true)).toEqual([true, true])
})

test('a connection that the application fails to decide on stays, and that is said once', () => {
  const settings = createSettings({
    migrateConnections: () => {
      throw new Error('unknown')
    },
  })
  const { mayMove } = settings
  const answers = [new net.Socket(), new net.Socket()].map((socket) => mayMove?.(socket))
  expect(answers).toEqual([false, false])
  expect(logged).toEqual([expect.stringMatching(/^migrateConnections failed, .*: unknown$/)])
})

test('siblings take everything but hooks and beforeBegin, which run once for all', () => {
  const settings = createSettings({
    hammerTimeMs: 1_000,
    socketMode: 0o660,
    hooks: {},
    beforeBegin: () => undefined,
  })
  expect(settings.ofSiblings).toEqual({ hammerTimeMs: 1_000, socketMode: 0o660 })
})
