// Proves what the servers of a process are asked for together.
import { beforeEach, expect, test } from 'vitest'
import { Events } from '../../../src/api/events.js'
import { Hooks } from '../../../src/api/hooks.js'
import { createStderrLogger } from '../../../src/api/logger.js'
import { ProcessSettings } from '../../../src/process/parts/process-settings.js'
import { Servers } from '../../../src/process/parts/servers.js'
import type { ManagedServer } from '../../../src/server/managed-server.js'
import { FakeSystem, settle } from '../../fake-system.js'

let system: FakeSystem
let servers: Servers

beforeEach(() => {
  system = new FakeSystem()
  const settings = new ProcessSettings(createStderrLogger(system), () => 0)
  servers = new Servers(system, settings, new Events(() => undefined))
})

function add(facts: Partial<ManagedServer>): void {
  servers.add(facts as ManagedServer)
}

test.each([
  ['nothing without servers', [], 0],
  ['the longest of their hammer times', [1_000, 3_000, 2_000], 3_000],
  ['the default hammer time, where one has none', [1_000, -1], 60_000],
])('what else is bounded by them is bounded by %s', (_, times, expected) => {
  for (const hammerTimeMs of times) add({ hammerTimeMs })
  expect(servers.boundMs).toBe(expected)
})

test('only what listens is passed on', () => {
  const passable = { asked: 'tcp::0', bound: { address: '::', port: 1 } }
  add({ listening: { passable: undefined } } as unknown as ManagedServer)
  add({ listening: { passable } } as unknown as ManagedServer)
  expect(servers.passable).toEqual([passable])
})

test('connections go to those that adopt, by where they are bound', () => {
  add({ adopts: true, bound: '[::]:1' })
  add({ adopts: false, bound: '[::]:2' })
  add({ adopts: true, bound: null })
  expect(servers.adopting).toEqual(['[::]:1'])
})

test('hooks of all run one after the other, each bounded by the longest hammer time', async () => {
  const seen: string[] = []
  const hooks = new Hooks()
  const others = new Hooks()
  others.add('before', 'SIGHUP', () => new Promise(() => undefined))
  hooks.add('before', 'SIGHUP', () => seen.push('second'))
  add({ hammerTimeMs: 1_000, hooks })
  add({ hammerTimeMs: 2_000, hooks: others })
  const run = servers.runHooks('before', 'SIGHUP').then(() => seen.push('end'))
  await system.advance(1_999)
  expect(seen).toEqual([])
  await system.advance(1)
  await run
  await settle()
  expect(seen).toEqual(['second', 'end'])
})
