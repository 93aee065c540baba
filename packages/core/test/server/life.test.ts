// Proves what becomes of the state of one server, and when its report comes.
import { expect, test } from 'vitest'
import type { ShutdownReport } from '../../src/api/reports.js'
import { Life } from '../../src/server/life.js'
import { settle } from '../fake-system.js'

const report: ShutdownReport = { reason: 'closed', durationMs: 0, hammered: 0 }

test('it begins with init, serves, and says that it will end before it does', () => {
  const life = new Life()
  const states = [life.state]
  life.serve()
  states.push(life.state)
  life.foretell()
  states.push(life.state)
  life.end(report, [])
  states.push(life.state)
  expect(states).toEqual(['init', 'running', 'shutting-down', 'terminate'])
})

test('one that has ended foretells nothing', () => {
  const life = new Life()
  life.end(report, [])
  life.foretell()
  expect(life.state).toBe('terminate')
})

test('it is open from its first listen until it closes, while it drains too', () => {
  const life = new Life()
  expect(life.isOpen).toBe(false)
  life.open()
  life.foretell()
  expect(life.isOpen).toBe(true)
  life.end(report, [])
  expect(life.isOpen).toBe(false)
})

test('its report waits for those that end with it', async () => {
  const life = new Life()
  let endOther = (): void => undefined
  let told: ShutdownReport | undefined
  void life.terminated.then((given) => (told = given))
  life.end(report, [new Promise<void>((resolve) => (endOther = resolve))])
  await settle()
  expect([life.state, told]).toEqual(['terminate', undefined])
  endOther()
  await settle()
  expect(told).toBe(report)
})

test('reopened, it begins anew and has another report to give', async () => {
  const life = new Life()
  life.reopen()
  const first = life.terminated
  life.end(report, [])
  life.reopen()
  expect([life.state, life.terminated === first]).toEqual(['init', false])
  life.end({ ...report, hammered: 1 }, [])
  expect([await first, await life.terminated]).toEqual([report, { ...report, hammered: 1 }])
})
