// Proves what a process does that has a predecessor: it claims what was passed on, accepts nothing
// before its time, and goes its own way when the predecessor is gone.
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import type { EndlessServer } from '../../src/api/endless-server.js'
import type { EndlessOptions } from '../../src/api/options.js'
import { endless } from '../../src/endless.js'
import { Predecessor, type PredecessorHost } from '../../src/handoff/predecessor.js'
import type { Inheritance, ToPredecessor, ToSuccessor } from '../../src/handoff/protocol.js'
import { HandleLost } from '../../src/line/handle-lost.js'
import { PeerGone } from '../../src/line/peer-gone.js'
import { rawListenerOf } from '../../src/node/internals/listening-handle.js'
import { Runtime } from '../../src/process/runtime.js'
import { FakeSystem, settle } from '../fake-system.js'

// The sources have no compiled preload beside them; nothing here runs it.
vi.mock('../../src/launch/preload-file.js', () => ({ preloadFile: () => undefined }))

let system: FakeSystem
let generation: Runtime
let seen: string[]
let reported: ToPredecessor[]
let references: number
let inheritance: Inheritance
let loseChannel: () => void
const predecessors: net.Server[] = []
const servers: EndlessServer[] = []

beforeEach(async () => {
  system = new FakeSystem()
  seen = []
  reported = []
  references = 0
  inheritance = {
    version: 1,
    entry: {
      parent: 1,
      generation: 7,
      isSupervised: false,
      orphaned: 'serve',
      directory: '/srv/current',
      execArgv: [],
    },
    arrived: Promise.resolve(true),
    receive: () => undefined,
    welcome: {
      type: 'welcome',
      version: 1,
      generation: 7,
      directory: '/srv/current',
      ticketKeys: {},
    },
    held: [],
    channel: {
      send: (message) => {
        reported.push(message)
        return Promise.resolve()
      },
      onMessage: () => undefined,
      onHandleAnswer: () => undefined,
      closed: new Promise((resolve) => (loseChannel = resolve)),
      ref: () => references++,
      unref: () => (references = 0),
    },
    onGarbage: () => undefined,
    stopReporting: () => seen.push('stop reporting'),
    reportAtEnd: () => seen.push('report at the end'),
  }
})

afterEach(async () => {
  for (const { server } of servers.splice(0)) server.close()
  for (const server of predecessors.splice(0)) server.close()
  await settle()
})

/** Binds a socket as the predecessor has it, and answers its port. */
async function hold(): Promise<number> {
  const bound = net.createServer().listen(0, '127.0.0.1')
  await once(bound, 'listening')
  const { port } = bound.address() as net.AddressInfo
  inheritance.held.push({
    asked: `tcp:127.0.0.1:${String(port)}`,
    bound: bound.address() as net.AddressInfo,
    handle: rawListenerOf(bound)!,
  })
  return port
}

function begin(): void {
  generation = new Runtime(system, inheritance)
  ;(globalThis as Record<symbol, unknown>)[Symbol.for('@endless/core:runtime')] = generation
  generation.on('ready', () => seen.push('ready'))
}

async function serve(port: number, options?: EndlessOptions): Promise<EndlessServer> {
  const server = endless((_request, response) => response.end('done'), options)
  servers.push(server)
  server.listen(port, '127.0.0.1')
  await once(server.server, 'listening')
  await settle()
  return server
}

const say = (message: ToSuccessor): void => {
  inheritance.channel.onMessage(message)
}
const isReady = (): boolean => reported.some(({ type }) => type === 'ready')

test('it knows its number', () => {
  begin()
  expect([generation.number, generation.isSuccessor]).toEqual([7, true])
})

test('it claims what was passed on, says that it is ready, and serves when it is told to', async () => {
  const port = await hold()
  begin()
  const server = await serve(port)
  expect(isReady()).toBe(true)
  expect([server.address, server.state, generation.state]).toEqual([
    `127.0.0.1:${String(port)}`,
    'init',
    'init',
  ])
  expect(seen).toEqual([])
  say({ type: 'taken-over' })
  await settle()
  expect([server.state, generation.state]).toEqual(['running', 'running'])
  expect(seen).toEqual(['report at the end', 'ready'])
})

test('it does not say that it serves before it does', async () => {
  const port = await hold()
  begin()
  await serve(port)
  expect(system.lines).toEqual([])
  say({ type: 'taken-over' })
  await settle()
  expect(system.lines).toEqual([
    `[endless 100] generation 7 (pid 100) serves 127.0.0.1:${String(port)}\n`,
  ])
})

test('it stays alive by the channel until it accepts', async () => {
  const port = await hold()
  begin()
  await serve(port)
  expect(references).toBeGreaterThan(0)
  say({ type: 'taken-over' })
  expect(references).toBe(0)
})

test('it refuses to restart before it has taken over', async () => {
  const port = await hold()
  begin()
  await serve(port)
  await expect(generation.restart()).rejects.toMatchObject({ code: 'ERR_ENDLESS_NOT_RUNNING' })
})

test('it is not ready before it has claimed everything', async () => {
  const [first, second] = [await hold(), await hold()]
  begin()
  await serve(first)
  expect(isReady()).toBe(false)
  await serve(second)
  expect(isReady()).toBe(true)
})

test('it gives up what nobody listens on when the grace is over, and says which', async () => {
  const [first, second] = [await hold(), await hold()]
  begin()
  await serve(first, { unclaimedGraceMs: 2_000 })
  await system.advance(2_000)
  expect(isReady()).toBe(true)
  const closed = vi.spyOn(inheritance.held[1]!.handle, 'close')
  say({ type: 'taken-over' })
  await settle()
  expect(system.lines.join('')).toContain(
    `Nothing listens on 127.0.0.1:${String(second)} any more.`,
  )
  expect(closed).toHaveBeenCalledOnce()
})

test('an address that nobody held is bound, and accepts at once', async () => {
  await hold()
  begin()
  const server = await serve(0)
  expect(server.state).toBe('running')
  const client = net.connect((server.server.address() as net.AddressInfo).port, '127.0.0.1')
  await once(client, 'connect')
  client.destroy()
})

test('a listen that fails keeps it from being ready', async () => {
  const port = await hold()
  const taken = net.createServer().listen(0, '127.0.0.1')
  predecessors.push(taken)
  await once(taken, 'listening')
  begin()
  const failing = endless(() => undefined)
  failing.listen((taken.address() as net.AddressInfo).port, '127.0.0.1')
  await once(failing.server, 'error')
  await serve(port)
  expect(isReady()).toBe(false)
})

test('it serves what it holds when the predecessor is gone', async () => {
  const port = await hold()
  begin()
  const server = await serve(port)
  loseChannel()
  await settle()
  expect([server.state, generation.state]).toEqual(['running', 'running'])
  expect(seen).toEqual(['stop reporting', 'ready'])
})

test('it ends when only the line has ended, and the predecessor lives', async () => {
  const port = await hold()
  begin()
  const server = await serve(port)
  system.hasParent = true
  loseChannel()
  await system.advance(2_900)
  expect([server.state, system.exits]).toEqual(['init', 0])
  await system.advance(200)
  expect([server.state, system.exits, system.exitCode]).toEqual(['init', 1, 0])
  expect(system.lines.join()).toContain(
    'The channel to the predecessor is cut, and it still serves',
  )
})

test('it serves as soon as the kernel has given it away', async () => {
  const port = await hold()
  begin()
  const server = await serve(port)
  system.hasParent = true
  loseChannel()
  await system.advance(100)
  expect(server.state).toBe('init')
  system.hasParent = false
  await system.advance(10)
  expect([server.state, generation.state, system.exits]).toEqual(['running', 'running', 0])
})

test('what the parent has sent and is no message is logged', () => {
  begin()
  inheritance.onGarbage(new Error('Unexpected token'))
  expect(system.lines.join()).toContain('Ignored what the parent wrote to the channel: Unexpected')
})

test('a predecessor that goes before it is ready leaves it the sockets, and its own time', async () => {
  const port = await hold()
  begin()
  loseChannel()
  await settle()
  expect([generation.state, seen]).toEqual(['init', ['stop reporting']])
  expect(isReady()).toBe(false)
  const server = await serve(port)
  expect([server.state, generation.state]).toEqual(['running', 'running'])
  expect(server.address).toBe(`127.0.0.1:${String(port)}`)
})

test('taking over twice is taking over once', async () => {
  const port = await hold()
  begin()
  await serve(port)
  say({ type: 'taken-over' })
  say({ type: 'taken-over' })
  loseChannel()
  await settle()
  expect(seen).toEqual(['report at the end', 'ready', 'stop reporting'])
})

const left = (): ToPredecessor[] => reported.filter(({ type }) => type === 'leaving')

test('shutting down before it has taken over it says so, and that it has not', async () => {
  const port = await hold()
  begin()
  await serve(port)
  void generation.shutdown()
  await settle()
  expect(left()).toEqual([{ type: 'leaving', hasTakenOver: false }])
  loseChannel()
  await settle()
})

test('shutting down after that it says that it has', async () => {
  const port = await hold()
  begin()
  await serve(port)
  say({ type: 'taken-over' })
  void generation.shutdown()
  await settle()
  expect(left()).toEqual([{ type: 'leaving', hasTakenOver: true }])
})

/** Takes over from a predecessor that lives, and has started this process. */
async function takeOverFromParent(): Promise<void> {
  const port = await hold()
  begin()
  await serve(port, { exit: false })
  say({ type: 'taken-over', afterMs: 0, dropped: [] })
  system.hasParent = true
  system.running.add(1)
}

test('a stop that cannot be reported any more, since the line alone has ended, is passed on by a signal', async () => {
  const { channel } = inheritance
  const send = channel.send
  channel.send = (message) =>
    message.type === 'leaving' ? Promise.reject(new PeerGone()) : send(message)
  await takeOverFromParent()
  void generation.shutdown()
  await settle()
  loseChannel()
  await system.advance(2_000)
  expect(system.signalled).toEqual([])
  await system.advance(2_000)
  expect(system.signalled).toEqual(['1 SIGTERM'])
})

test('a predecessor that has gone, or has let it go before, is not signalled', async () => {
  await takeOverFromParent()
  loseChannel()
  await settle()
  inheritance.channel.send = () => Promise.reject(new PeerGone())
  void generation.shutdown()
  await system.advance(5_000)
  expect(system.signalled).toEqual([])
})

test('the exit waits until the report is written that it leaves', async () => {
  const port = await hold()
  begin()
  await serve(port)
  say({ type: 'taken-over' })
  const { channel } = inheritance
  const send = channel.send.bind(channel)
  let write!: () => void
  const written = new Promise<void>((resolve) => (write = resolve))
  channel.send = (message) => (message.type === 'leaving' ? written : send(message))
  const ended = generation.shutdown()
  await settle()
  expect([generation.state, system.exits]).toEqual(['shutting-down', 0])
  write()
  await ended
  expect([generation.state, system.exits]).toEqual(['terminate', 1])
})

test('a server that is tried out while it boots, and closed, is no shutdown', async () => {
  const port = await hold()
  begin()
  const { server } = await serve(0)
  server.close()
  await once(server, 'close')
  expect(left()).toEqual([])
  await serve(port)
  expect([isReady(), left()]).toEqual([true, []])
})

test('a pid file that it cannot write keeps it from being ready, and it says why', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'endless-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const pidFile = path.join(directory, 'app.pid')
  mkdirSync(pidFile)
  const port = await hold()
  begin()
  await serve(port, { pidFile })
  expect(isReady()).toBe(false)
  const said = reported.filter(({ type }) => type === 'error' || type === 'leaving')
  expect(said).toMatchObject([
    { type: 'error', error: { code: 'ERR_ENDLESS_PID_FILE' } },
    { type: 'leaving', hasTakenOver: false },
  ])
})

test('a pid file is written beside its place before it is ready, and put there when it serves', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'endless-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const port = await hold()
  begin()
  await serve(port, { pidFile: path.join(directory, 'app.pid') })
  expect([isReady(), readdirSync(directory)]).toEqual([
    true,
    [expect.stringMatching(/^\.endless-.*\.tmp$/)],
  ])
  say({ type: 'taken-over' })
  await settle()
  expect(readdirSync(directory)).toEqual(['app.pid', 'app.pid.sock'])
})

test('a pid file that cannot be put there when it shall take over keeps it from accepting, and it says why', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'endless-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const pidFile = path.join(directory, 'app.pid')
  const port = await hold()
  begin()
  await serve(port, { pidFile })
  expect(isReady()).toBe(true)
  mkdirSync(pidFile)
  say({ type: 'taken-over' })
  await settle()
  expect(generation.state).toBe('init')
  expect(
    reported.filter(({ type }) => ['error', 'leaving', 'serving'].includes(type)),
  ).toMatchObject([
    { type: 'error', error: { code: 'ERR_ENDLESS_PID_FILE' } },
    { type: 'leaving', hasTakenOver: false },
  ])
  expect(readdirSync(directory)).toEqual(['app.pid'])
})

test('the end of the predecessor is told once it is gone, and not when this process has taken over', async () => {
  const port = await hold()
  begin()
  generation.on('predecessor-gone', () => seen.push('gone'))
  void generation.predecessorGone.then(() => seen.push('promised'))
  await serve(port)
  say({ type: 'taken-over' })
  await settle()
  expect(seen).not.toContain('gone')
  loseChannel()
  await settle()
  expect(seen.slice(-2)).toEqual(['gone', 'promised'])
})

test('the log has when the predecessor has gone, and after how long', async () => {
  const port = await hold()
  begin()
  await serve(port)
  say({ type: 'taken-over' })
  await system.advance(1_500)
  loseChannel()
  await settle()
  expect(system.lines).toEqual([
    `[endless 100] generation 7 (pid 100) serves 127.0.0.1:${String(port)}\n`,
    '[endless 100] generation 6 (pid 1) has gone after 1.5 s\n',
  ])
})

test('the log has that the predecessor has gone too early', async () => {
  const port = await hold()
  begin()
  await serve(port)
  loseChannel()
  await settle()
  expect(system.lines).toEqual([
    '[endless 100] generation 6 (pid 1) has gone without handing over\n',
    `[endless 100] generation 7 (pid 100) serves 127.0.0.1:${String(port)}\n`,
  ])
})

test('the log has what nothing listens on as the predecessor says, and what is served later', async () => {
  const [first] = [await hold(), await hold()]
  begin()
  await serve(first, { unclaimedGraceMs: 0 })
  await system.advance(0)
  say({ type: 'taken-over', dropped: ['unix:/a'] })
  await settle()
  const { address } = await serve(0)
  expect(system.lines.slice(1)).toEqual([
    '[endless 100] Nothing listens on unix:/a any more.\n',
    `[endless 100] generation 7 (pid 100) also serves ${String(address)}\n`,
  ])
})

test.each([
  [
    'serves',
    true,
    /^\[endless 100\] The supervisor is gone: nothing replaces generation 7 \(pid 100\) if it dies\.\n$/,
  ],
  ['shuts down', false, /^$/],
])('of the end of its supervisor the log of one that %s tells', async (_, isServing, line) => {
  inheritance.entry.isSupervised = true
  inheritance.welcome!.supervisor = { isAtTerminal: false, isFirst: true }
  begin()
  await serve(0, { exit: false })
  generation.onTerminate(() => new Promise(() => undefined))
  if (!isServing) void generation.shutdown()
  await settle()
  system.lines.length = 0
  loseChannel()
  await settle()
  expect(system.lines.join('')).toMatch(line)
})

test('a first generation that is supervised has no predecessor that could go', async () => {
  inheritance.welcome!.generation = 0
  inheritance.entry.isSupervised = true
  inheritance.welcome!.supervisor = { isAtTerminal: false, isFirst: true }
  begin()
  generation.on('predecessor-gone', () => seen.push('gone'))
  await generation.predecessorGone
  inheritance.channel.onMessage({ type: 'predecessor-gone' } as never, undefined)
  await settle()
  expect(seen).not.toContain('gone')
})

test.each([
  ['could not take the line, it lives', new HandleLost(), 'silent'],
  ['is gone, there is nobody to ask', new PeerGone(), undefined],
  ['has just died, neither', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }), undefined],
])('if the predecessor %s', async (_, error, fallback) => {
  const line = new net.Socket()
  Object.assign(line, { _handle: { close: () => undefined } })
  const predecessor = new Predecessor({
    system,
    inheritance,
    channel: { ...inheritance.channel, send: () => Promise.reject(error) },
  } as unknown as PredecessorHost)
  expect(await predecessor.introduceHeir(line)).toBe(fallback)
})

test.each([
  { who: 'a supervisor', isSupervised: true, takesUdp: true },
  { who: 'a supervisor of another version', isSupervised: true, takesUdp: undefined },
  { who: 'a predecessor, which has its own,', isSupervised: false, takesUdp: undefined },
])('$who gets copies of UDP sockets: $takesUdp', ({ isSupervised, takesUdp }) => {
  inheritance.entry.isSupervised = isSupervised
  inheritance.welcome!.supervisor = { isAtTerminal: false, isFirst: true, takesUdp }
  const { channel } = inheritance
  new Predecessor({ system, inheritance, channel } as unknown as PredecessorHost).deposit([
    {
      asked: 'udp:[::]:53',
      bound: { transport: 'udp', address: '::', family: 'IPv6', port: 53 },
      handle: { recvStart: () => 0, recvStop: () => 0, close: () => undefined },
    },
  ])
  expect(reported.map(({ type }) => type)).toEqual(takesUdp ? ['escrow'] : [])
})
