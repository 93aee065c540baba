// Proves what a restart comes to when the line to a successor ends, and the successor lives: it can be told nothing
// more, and nothing more is heard of it but its end.
import { beforeEach, expect, test } from 'vitest'
import type { Child, Exit } from '../../src/handoff/child.js'
import { Successor } from '../../src/handoff/successor.js'
import { type Deferred, deferred } from '../../src/node/waits.js'
import { FakeSystem, settle } from '../fake-system.js'

let system: FakeSystem
let successor: Successor
let exit: Deferred<Exit>
let closed: Deferred<void>
let child: Child
let seen: string[]

beforeEach(() => {
  system = new FakeSystem()
  exit = deferred()
  closed = deferred()
  seen = []
  child = {
    pid: 101,
    channel: {
      send: () => Promise.resolve(),
      onMessage: () => undefined,
      onHandleAnswer: () => undefined,
      closed: closed.promise,
      ref: () => undefined,
      unref: () => undefined,
    },
    exit: exit.promise,
    kill: (signal) => seen.push(signal),
    release: () => undefined,
    disconnect: () => undefined,
  }
  successor = new Successor({
    system,
    child,
    passed: [],
    welcome: { generation: 1, directory: '/', ticketKeys: {} },
    readyTimeoutMs: 10_000,
    fallback: Promise.resolve(undefined),
    answerOlder: async () => [],
    limit: () => undefined,
    adopt: () => false,
    moved: () => undefined,
    keepPaths: () => undefined,
    counted: () => undefined,
  })
  void successor.cutOff.then(() => seen.push('cut off'))
  void successor.serving.then(() => seen.push('need not be waited for'))
})

function boot(): void {
  child.channel.onMessage({ type: 'hello', version: 1 })
  child.channel.onMessage({ type: 'ready', adopts: ['127.0.0.1:80'] })
}

test('one that boots will never be ready', async () => {
  closed.resolve()
  await system.advance(1_000)
  await expect(successor.ready).rejects.toMatchObject({
    code: 'ERR_ENDLESS_SUCCESSOR_EXITED',
    message: expect.stringContaining('closed its channel before it had taken over') as string,
  })
  expect(seen).toContain('cut off')
})

test('one that has taken over is not waited for, and answered for here if it dies', async () => {
  boot()
  await successor.takeOver(0, [])
  closed.resolve()
  await system.advance(1_000)
  expect(seen).toEqual(['need not be waited for', 'cut off'])
  expect(successor.hasLeft).toBe(false)
})

test('the end of a process ends its line first', async () => {
  boot()
  await successor.takeOver(0, [])
  closed.resolve()
  await system.advance(900)
  exit.resolve({ code: 1, signal: null })
  await settle()
  expect((await successor.exited).message).toContain('exited with code 1 after it had taken over')
  await system.advance(1_000)
  expect(seen).toEqual(['need not be waited for'])
})
