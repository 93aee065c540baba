// Proves what a restart comes to when the supervisor dies that has started the successor: nothing is heard
// of that any more, whether it serves or ends.
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Successor } from '../../src/handoff/successor.js'
import { SupervisedChild } from '../../src/handoff/supervised-child.js'
import type { Passable } from '../../src/listeners/passed-listener.js'
import { FakeSystem, settle } from '../fake-system.js'

const bound = '127.0.0.1:80'

let system: FakeSystem
let child: SupervisedChild
let successor: Successor
let isLineOpen: boolean
let sent: string[]
let signalled: string[]
let passed: Passable[]
let server: http.Server | undefined
let client: net.Socket | undefined

beforeEach(() => {
  system = new FakeSystem()
  sent = []
  signalled = []
  isLineOpen = true
  passed = []
  const end = {
    send: async ({ type }: { type: string }) => {
      if (!isLineOpen) throw new Error('gone')
      sent.push(type)
    },
    onMessage: () => undefined,
    onHandleAnswer: () => undefined,
    closed: new Promise<void>(() => undefined),
    ref: () => undefined,
    unref: () => undefined,
  }
  child = new SupervisedChild(end, {
    tell: ({ type }) => sent.push(type),
    signal: (pid, signal) => signalled.push(`${String(pid)} ${signal}`),
  })
  const welcome = { generation: 1, directory: '/', ticketKeys: {} }
  successor = new Successor({
    system,
    child,
    passed,
    welcome,
    readyTimeoutMs: 10_000,
    fallback: Promise.resolve(undefined),
    answerOlder: async () => [],
    limit: () => undefined,
    adopt: () => false,
    moved: () => undefined,
    keepPaths: () => signalled.push('keeps its paths'),
    counted: () => undefined,
  })
  child.started(101)
})

afterEach(() => {
  client?.destroy()
  server?.close()
})

function boot(): void {
  child.channel.onMessage({ type: 'hello', version: 1 })
  child.channel.onMessage({ type: 'ready', adopts: [bound] })
}

function lose(): void {
  isLineOpen = false
  child.lose()
}

const explained = {
  code: 'ERR_ENDLESS_SUCCESSOR_EXITED',
  message: expect.stringContaining('(pid 101) was lost with the supervisor') as string,
}

test('one that boots is not waited for: it will not serve', async () => {
  lose()
  await expect(successor.ready).rejects.toMatchObject(explained)
  await successor.stop()
  await successor.serving
  expect([successor.hasLeft, system.pendingMs, sent]).toEqual([false, [], []])
})

test('one that could not be told to take over is answered for here', async () => {
  boot()
  lose()
  await expect(successor.takeOver(0, [])).rejects.toThrow('gone')
  expect(await successor.exited).toMatchObject(explained)
  expect(successor.hasLeft).toBe(false)
})

test('one that has taken over answers for itself', async () => {
  boot()
  await successor.takeOver(0, [])
  system.running.add(101)
  lose()
  await system.advance(3_000)
  expect(await successor.exited).toMatchObject(explained)
  expect(successor.hasLeft).toBe(true)
})

test('one that has reported that it serves is looked at once; then only for its end', async () => {
  boot()
  await successor.takeOver(0, [])
  child.channel.onMessage({ type: 'serving' })
  system.running.add(101)
  lose()
  await successor.exited
  expect([successor.hasLeft, system.pendingMs]).toEqual([true, [1_000]])
  let isGone = false
  void successor.gone.then(() => (isGone = true))
  await system.advance(5_000)
  expect(isGone).toBe(false)
  system.running.delete(101)
  await system.advance(1_000)
  expect(isGone).toBe(true)
})

test('one that the supervisor has not told any more ends, and is answered for here', async () => {
  boot()
  await successor.takeOver(0, [])
  system.running.add(101)
  lose()
  await system.advance(200)
  expect(system.pendingMs[0]).toBeLessThanOrEqual(50)
  system.running.delete(101)
  await system.advance(100)
  expect(await successor.exited).toMatchObject(explained)
  expect(successor.hasLeft).toBe(false)
})

/** Has one connection on its way, and one that waits for its turn, and answers them. */
async function beginToMove(returned: () => void): Promise<net.Socket[]> {
  server = http.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const sockets: net.Socket[] = []
  while (sockets.length < 2) {
    const accepted = once(server, 'connection')
    client = net.connect(port, '127.0.0.1')
    sockets.push(...((await accepted) as net.Socket[]))
  }
  for (const socket of sockets) {
    successor.migration?.offer(socket, {
      facts: () => ({ bound, isFresh: true, keepAliveTimeoutMs: 0 }),
      onReturned: returned,
    })
  }
  return sockets
}

test('a connection that is on its way to it ends, since it may be read there; one that waits stays', async () => {
  boot()
  await successor.takeOver(0, [])
  let returned = 0
  const [moving, waiting] = await beginToMove(() => returned++)
  expect(sent.filter((type) => type === 'connection')).toHaveLength(1)
  child.channel.onMessage({ type: 'serving' })
  system.running.add(101)
  lose()
  await successor.exited
  await settle()
  expect([moving?.destroyed, waiting?.destroyed, returned]).toEqual([true, false, 1])
  waiting?.destroy()
})

test('a connection that was answered is not touched again', async () => {
  boot()
  await successor.takeOver(0, [])
  const [first, second] = await beginToMove(() => undefined)
  child.channel.onMessage({ type: 'declined', id: 1 })
  child.channel.onMessage({ type: 'serving' })
  system.running.add(101)
  lose()
  await successor.exited
  expect([first?.destroyed, second?.destroyed]).toEqual([false, true])
  first?.destroy()
})

test.each([true, undefined])('it gets UDP sockets if it takes them: %s', async (takesUdp) => {
  const address = { address: '::', family: 'IPv6', port: 53 }
  const handle = { close: () => undefined }
  passed.push(
    { asked: 'tcp::53', bound: address, handle: { ...handle, listen: () => 0 } },
    {
      asked: 'udp:[::]:53',
      bound: { transport: 'udp', ...address },
      handle: { ...handle, recvStart: () => 0, recvStop: () => 0 },
    },
  )
  child.channel.onMessage({ type: 'hello', version: 1, takesUdp })
  await settle()
  expect(sent).toEqual([...(takesUdp ? ['listener', 'listener'] : ['listener']), 'welcome'])
})

describe('one that is rolled back', () => {
  const ready = { type: 'ready' as const, adopts: [bound], givesBack: true }

  async function rollBack(): Promise<void> {
    child.channel.onMessage({ type: 'hello', version: 1 })
    child.channel.onMessage(ready)
    await successor.takeOver(200, [], -1)
    successor.rollBack('it is bad', [bound], [bound])
  }

  test('and may not know of that is told to end by a signal', async () => {
    await rollBack()
    lose()
    await settle()
    expect(signalled).toEqual(['keeps its paths', '101 SIGTERM'])
  })

  test('and has said that it ends is left alone', async () => {
    await rollBack()
    child.channel.onMessage({ type: 'giving-back' })
    lose()
    await settle()
    expect(signalled).toEqual([])
  })
})
