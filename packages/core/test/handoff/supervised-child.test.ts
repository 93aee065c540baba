// Proves what a successor is that a supervisor has started: what is known of it comes in messages, until
// the supervisor is gone.
import { beforeEach, expect, test, vi } from 'vitest'
import type { ToPredecessor, ToSupervisor } from '../../src/handoff/protocol.js'
import { SupervisedChild } from '../../src/handoff/supervised-child.js'

let told: ToSupervisor[]
let signalled: unknown[]
let heard: ToPredecessor[]
let isReferenced: boolean
let isClosed: boolean
let child: SupervisedChild

beforeEach(() => {
  told = []
  signalled = []
  heard = []
  isReferenced = true
  isClosed = false
  const end = {
    send: () => Promise.resolve(),
    onMessage: () => undefined,
    onHandleAnswer: () => undefined,
    closed: new Promise<void>(() => undefined),
    ref: () => void (isReferenced = true),
    unref: () => void (isReferenced = false),
  }
  child = new SupervisedChild(end, {
    tell: (message) => told.push(message),
    signal: (...signal) => signalled.push(signal),
  })
  child.channel.onMessage = (message) => heard.push(message)
  void child.channel.closed.then(() => (isClosed = true))
})

test('its pid is known when it has been started, and it is signalled through the supervisor', () => {
  expect(child.pid).toBe(undefined)
  child.started(101)
  child.kill('SIGTERM')
  expect([child.pid, told]).toEqual([101, [{ type: 'kill', signal: 'SIGTERM', pid: 101 }]])
})

test('its exit ends the way to it, and lets this process end', async () => {
  child.exited({ code: 1, signal: null })
  expect(await child.exit).toEqual({ code: 1, signal: null })
  expect([isClosed, isReferenced]).toEqual([true, false])
})

test('one that could not be started rejects with the reason', async () => {
  child.failed({ name: 'Error', message: 'spawn E2BIG', code: 'E2BIG' })
  await expect(child.exit).rejects.toMatchObject({ message: 'spawn E2BIG', code: 'E2BIG' })
  expect(isClosed).toBe(true)
})

test('with the supervisor it is lost: nothing is known of its end, and nobody waits for that', async () => {
  child.lose()
  expect(await child.exit).toBe('lost')
  expect([heard, isClosed, isReferenced]).toEqual([[], true, false])
})

test('lost, it is signalled by its pid of that moment, if it had one', () => {
  const lostMs = Date.now()
  vi.spyOn(Date, 'now').mockReturnValue(lostMs)
  child.lose()
  child.kill('SIGTERM')
  child.started(101)
  child.kill('SIGTERM')
  expect([told, signalled]).toEqual([[], [[101, 'SIGTERM', lostMs]]])
})

test('released, it lets this process end while it lives on', () => {
  child.release()
  expect([isReferenced, isClosed]).toEqual([false, false])
})
