// Proves which server takes over what the predecessor gives away.
import net from 'node:net'
import { beforeEach, describe, expect, test } from 'vitest'
import { Events } from '../../../src/api/events.js'
import { createStderrLogger } from '../../../src/api/logger.js'
import type { MovedConnection } from '../../../src/migration/migration.js'
import type { MovedUpgrade } from '../../../src/migration/upgrade-migration.js'
import type { RawHandle } from '../../../src/node/internals/raw-handle.js'
import { ProcessSettings } from '../../../src/process/parts/process-settings.js'
import { Servers } from '../../../src/process/parts/servers.js'
import type { ManagedServer } from '../../../src/server/managed-server.js'
import { FakeSystem } from '../../fake-system.js'

const handle = {} as RawHandle
const socket = new net.Socket()
const connection: MovedConnection = {
  type: 'connection',
  id: 1,
  bound: '[::]:1',
  isFresh: false,
  keepAliveTimeoutMs: 5_000,
}
const upgrade: MovedUpgrade = {
  type: 'upgrade',
  id: 1,
  bound: '[::]:1',
  state: '{"name":"Ada"}',
  head: Buffer.from('rest').toString('base64'),
}

let servers: Servers
let events: Events
let seen: unknown[]

beforeEach(() => {
  const system = new FakeSystem()
  events = new Events(() => undefined)
  servers = new Servers(system, new ProcessSettings(createStderrLogger(system), () => 0), events)
  seen = []
})

/** Adds a server that adopts what it is given. */
function add(facts: Partial<ManagedServer> = {}): void {
  servers.add({
    bound: '[::]:1',
    state: 'running',
    adopts: true,
    listening: { inContext: (body: () => unknown) => body() },
    adopt: () => seen.push('adopted') > 0,
    adoptUpgrade: (_: RawHandle, head: Buffer) => {
      seen.push(head.toString())
      return socket
    },
    ...facts,
  } as unknown as ManagedServer)
}

describe('a connection', () => {
  test('goes to the server that is bound where it was accepted', () => {
    add({ bound: '[::]:2', adopt: () => seen.push('wrong') > 0 })
    add()
    expect([servers.adopt(connection, handle), seen]).toEqual([true, ['adopted']])
  })

  test.each<[string, Partial<ManagedServer>]>([
    ['is bound elsewhere', { bound: '[::]:2' }],
    ['adopts none', { adopts: false }],
    ['has terminated', { state: 'terminate' }],
  ])('does not go to a server that %s', (_, facts) => {
    add(facts)
    expect([servers.adopt(connection, handle), seen]).toEqual([false, []])
  })
})

test('a connection that its server does not keep is declined', () => {
  add({ adopt: () => false })
  expect(servers.adopt(connection, handle)).toBe(false)
})

describe('what has left HTTP', () => {
  test('goes to the application, with what it knew and what nobody has read', () => {
    events.on('adopt', ({ state }) => seen.push(state))
    events.on('drain', () => seen.push('drain'))
    add()
    expect(servers.adopt(upgrade, handle)).toBe(true)
    expect(seen).toEqual(['rest', { name: 'Ada' }])
  })

  test('stays where it is if the application does not want it', () => {
    add()
    expect([servers.adopt(upgrade, handle), seen]).toEqual([false, []])
  })

  test('stays where it is if no server can have it', () => {
    events.on('adopt', () => seen.push('adopt'))
    add({ adoptUpgrade: () => undefined })
    expect([servers.adopt(upgrade, handle), seen]).toEqual([false, []])
  })

  test('is told of a drain that has begun already', () => {
    events.on('adopt', () => seen.push('adopt'))
    events.on('drain', ({ upgraded }) => seen.push(upgraded))
    add({ isDraining: true })
    servers.adopt(upgrade, handle)
    expect(seen).toEqual(['rest', 'adopt', [socket]])
  })
})
