// Proves what a server goes by where its options say nothing, and what its siblings take from it.
import net from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { defaults } from '../src/defaults.js'
import { ServerSettings } from '../src/server-settings.js'

const before = { ...defaults }

afterEach(() => {
  Object.assign(defaults, before)
})

test('the hammer time is the default of the moment when it is asked for', () => {
  const settings = new ServerSettings({})
  expect(settings.hammerTimeMs).toBe(60_000)
  defaults.hammerTimeMs = 1_000
  expect(settings.hammerTimeMs).toBe(1_000)
  expect(new ServerSettings({ hammerTimeMs: -1 }).hammerTimeMs).toBe(-1)
})

test('each limit that is not given is the default', () => {
  Object.assign(defaults, { readTimeoutMs: 1_000, maxHeaderBytes: 2_000 })
  expect(new ServerSettings({ readTimeoutMs: 0 }).limits).toEqual({
    readTimeoutMs: 0,
    writeTimeoutMs: undefined,
    maxHeaderBytes: 2_000,
  })
})

test('connections move, unless the application says no to all or to each', () => {
  const socket = new net.Socket()
  const moves = (migrateConnections?: boolean | (() => boolean)): [boolean, boolean] => {
    const settings = new ServerSettings(
      migrateConnections === undefined ? {} : { migrateConnections },
    )
    return [settings.migrates, settings.mayMove(socket)]
  }
  expect(moves()).toEqual([true, true])
  expect(moves(false)).toEqual([false, false])
  expect(moves(() => false)).toEqual([true, false])
})

test('siblings take everything but hooks and beforeBegin, which run once for all', () => {
  const settings = new ServerSettings({
    hammerTimeMs: 1_000,
    socketMode: 0o660,
    hooks: {},
    beforeBegin: () => undefined,
  })
  expect(settings.ofSiblings).toEqual({ hammerTimeMs: 1_000, socketMode: 0o660 })
})
