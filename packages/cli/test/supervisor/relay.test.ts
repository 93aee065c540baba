// Proves that a connection which could not be passed on is declined in the name of the generation that it was for.
import { deferred, type SupervisorFacts } from '@endless/core/for-cli'
import { expect, test } from 'vitest'
import type { Generation } from '../../src/supervisor/generation.js'
import { type Passed, Relay, type RelayHost } from '../../src/supervisor/relay.js'
import type { StandIn } from '../../src/supervisor/stand-in.js'

const nothing: unknown = {}
const connection = {
  type: 'connection',
  id: 7,
  bound: '127.0.0.1:80',
  isFresh: false,
  keepAliveTimeoutMs: 0,
} as const
const { isFresh: _, keepAliveTimeoutMs: __, ...facts } = connection

test.each([
  ['a connection', connection, 'declined'],
  ['an upgraded connection', { ...facts, type: 'upgrade' }, 'upgrade-declined'],
])(
  '%s whose successor was rolled back meanwhile is not declined for the next',
  async (_, message, type) => {
    const passed = deferred<boolean>()
    const told = deferred<unknown>()
    const successor = { pid: 101, send: () => passed.promise }
    const from = {
      pid: 100,
      successor,
      send: (message: unknown) => {
        told.resolve(message)
        return Promise.resolve(true)
      },
    }
    const relay = new Relay(
      nothing as StandIn,
      () => nothing as SupervisorFacts,
      nothing as RelayHost,
    )
    relay.receive(from as unknown as Generation, message as Passed, undefined)
    from.successor = { pid: 102, send: () => Promise.resolve(true) }
    passed.resolve(false)
    expect(await told.promise).toEqual({ type, id: 7, from: 101 })
  },
)
