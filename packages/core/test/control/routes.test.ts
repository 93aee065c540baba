// Proves what the control socket answers to what can be asked, and for what it waits first.
import { expect, test } from 'vitest'
import { type Answer, routes } from '../../src/control/routes.js'
import type { Service } from '../../src/control/service.js'
import { settle } from '../fake-system.js'

const report = { number: 1, pid: 101, durationMs: 230, dropped: [] }

function ask(path: string, wait: string | undefined, over: Partial<Service>): Promise<Answer> {
  const service = over as Service
  const asked = {
    wait,
    hasWaited: false,
    isNow: false,
    reason: 'it is bad',
    options: {},
    workers: undefined,
  }
  return routes[path]!.act(service, asked, () => undefined)
}

test('a restart is answered when the successor has taken over, or its predecessor has drained', async () => {
  const service = { restart: () => Promise.resolve(report), drained: () => Promise.resolve(true) }
  expect(await ask('/restart', 'ready', service)).toEqual({ status: 200, body: report })
  expect(await ask('/restart', 'drained', service)).toEqual({
    status: 200,
    body: report,
    isLast: true,
  })
})

test('a restart waits until the new generation is proven, if that is asked for', async () => {
  const rolledBack = new Error('it was rolled back')
  const service = { restart: () => Promise.resolve(report), proven: () => Promise.resolve() }
  expect(await ask('/restart', 'proven', service)).toEqual({ status: 200, body: report })
  const bad = { ...service, proven: () => Promise.reject(rolledBack) }
  await expect(ask('/restart', 'proven', bad)).rejects.toBe(rolledBack)
})

test('a rollback is answered when the old generation serves', async () => {
  const seen: string[] = []
  const service = { rollback: async (reason: string) => void seen.push(reason) }
  expect(await ask('/rollback', undefined, service)).toEqual({ status: 200, body: {} })
  expect(seen).toEqual(['it is bad'])
})

test('one that nobody waits for is answered at once, also if it fails', async () => {
  const service = { restart: () => Promise.reject(new Error('it crashed')) }
  expect(await ask('/restart', 'none', service)).toEqual({ status: 202, body: {} })
  await expect(ask('/restart', 'ready', service)).rejects.toThrow('it crashed')
  await settle() // a rejection that nobody takes would fail this file
})

test('a stop is answered at once, or with the end of the process', async () => {
  const service = { stop: () => Promise.resolve(true) }
  expect(await ask('/stop', 'none', service)).toEqual({ status: 202, body: {} })
  expect(await ask('/stop', 'drained', service)).toEqual({ status: 200, body: {}, isLast: true })
})

test('metrics are a text with a type of its own', async () => {
  const answer = await ask('/metrics', undefined, { metrics: () => Promise.resolve('# EOF\n') })
  expect(answer).toEqual({
    status: 200,
    body: '# EOF\n',
    headers: { 'content-type': 'application/openmetrics-text; version=1.0.0; charset=utf-8' },
  })
})

test('the hammer is answered with what it was let fall on', async () => {
  const hammered = [0, 1]
  const answer = await ask('/hammer', undefined, { hammer: () => Promise.resolve(hammered) })
  expect(answer).toEqual({ status: 200, body: { hammered } })
})
