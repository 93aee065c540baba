// Proves that listening addresses survive a restart, and that they can change, come and go with one.
import { readFileSync, writeFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'
import { createLoad, type Program, type ProgramEvent } from '@endless/load'
import { expect, onTestFinished, test } from 'vitest'
import {
  type ClientResponse,
  freePorts,
  get,
  runEndless,
  startFixture,
  superviseFixture,
  temporaryDirectory,
  until,
} from '../helpers/index.js'

const deadlineMs = 15_000
const hasProc = process.platform === 'linux'

test.each([
  ['IPv4', [{ port: 0, host: '127.0.0.1' }], '127.0.0.1'],
  ['IPv6', [{ port: 0, host: '::1' }], '::1'],
  ['every address', [0], '127.0.0.1'],
  ['a host name', [{ port: 0, host: 'localhost' }], 'localhost'],
])('a port on %s is the same after each restart', async (_, call, host) => {
  const { program, addresses } = await start([call])
  for (const number of [1, 2]) {
    expect(await restart(program, number)).toEqual(addresses)
    const { headers } = await get(addresses[0]!.port, '/', { host })
    expect(headers['x-generation']).toBe(String(number))
  }
  expect(addresses[0]!.port).not.toBe(0)
})

test('two servers that asked for port 0 get both their ports again, in the same order', async () => {
  const { program, addresses } = await start([[0], [0], [0, '127.0.0.1']])
  expect(await restart(program, 1)).toEqual(addresses)
  expect(new Set(addresses.map(({ port }) => port)).size).toBe(3)
})

test('a host name and its address mean the same socket, whichever the next release writes', async () => {
  const [port] = await freePorts(1)
  const { program, addresses, write } = await start([[{ port, host: 'localhost' }]])
  write([[{ port, host: addresses[0]!.address }]])
  expect(await restart(program, 1)).toEqual(addresses)
  write([[{ port, host: 'localhost' }]])
  expect(await restart(program, 2)).toEqual(addresses)
})

test('a restart adds a port, and requests on the old one go on', async () => {
  const [kept, added] = await freePorts(2)
  const { program, write } = await start([[kept, '127.0.0.1']])
  const load = createLoad({ port: kept!, keepAliveConnections: 5, freshPerSecond: 100 })
  load.start()
  write([
    [kept, '127.0.0.1'],
    [added, '127.0.0.1'],
  ])
  await restart(program, 1)
  for (const port of [kept!, added!]) {
    expect((await get(port)).headers['x-generation']).toBe('1')
  }
  expect((await load.stop()).failures).toEqual([])
})

test('a port that the successor no longer wants is given up with a warning and then refuses', async () => {
  const [kept, dropped] = await freePorts(2)
  const options = { unclaimedGraceMs: 50 }
  const both = [kept, dropped].map((port) => [port, '127.0.0.1'])
  const { program, write } = await start(both, options)
  const load = createLoad({ port: kept!, keepAliveConnections: 5, freshPerSecond: 100 })
  load.start()
  write(both.slice(0, 1), options)
  await restart(program, 1)
  const taken = await program.waitForEvent('taken-over', { step: 'its result', deadlineMs })
  expect(taken).toMatchObject({ report: { dropped: [`127.0.0.1:${dropped}`] } })
  const line = `Nothing listens on 127.0.0.1:${dropped} any more.`
  await until(() => program.stderr.includes(line), { step: 'it is told', deadlineMs })
  expect(program.stderr.split(String(dropped))).toHaveLength(3) // by generation 0, and once that it is gone
  await expect(get(dropped!)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  expect((await get(kept!)).headers['x-generation']).toBe('1')
  // It is anybody's again, also that of the next release.
  write(both, options)
  await restart(program, 2)
  expect((await get(dropped!)).headers['x-generation']).toBe('2')
  expect((await load.stop()).failures).toEqual([])
})

test('what a successor waits for is logged while it waits', async () => {
  const [kept, awaited] = await freePorts(2)
  const both = [kept, awaited].map((port) => [port, '127.0.0.1'])
  const { program, write } = await start(both)
  write(both.slice(0, 1), { unclaimedGraceMs: 30_000 })
  program.signal('SIGHUP')
  const notice = `waiting for listen on 127.0.0.1:${awaited}, at most 25 s`
  await until(() => program.stderr.includes(notice), { step: 'the notice', deadlineMs })
  expect((await get(awaited!)).headers['x-generation']).toBe('0')
})

test.each([
  { how: 'alone', on: 'a port', ready: 'listening', count: 1 },
  { how: 'alone', on: 'a path', ready: 'manual', count: 2 },
  { how: 'supervised', on: 'a port', ready: 'manual', count: 2 },
  { how: 'supervised', on: 'a path', ready: 'listening', count: 1 },
])(
  '$how, on $on ($count), ready: $ready: a successor that serves none of the addresses fails, unless told otherwise',
  async ({ how, on, ready, count }) => {
    const control = path.join(temporaryDirectory(), 'control')
    const isAlone = how === 'alone'
    const options = { ready, unclaimedGraceMs: 50, ...(isAlone && { control }) }
    const places = on === 'a port' ? await freePlaces(count * 3) : newPaths(count * 3)
    const [old, next, last] = [0, 1, 2].map((index) =>
      places.slice(index * count, (index + 1) * count),
    ) as [Place[], Place[], Place[]]
    const { program, write } = await start(calls(old), options, isAlone ? {} : { control })

    write(calls(next), options)
    const refused = await command('restart', '--control', control)
    expect(refused).toMatchObject({ code: 1 })
    expect(refused.output).toContain('none of the addresses of generation 0')
    for (const { name } of [...old, ...next]) expect(refused.output).toContain(name)
    expect(await generationsAt(old)).toEqual(old.map(() => '0'))

    const allowed = await command('restart', '--control', control, '--allow-address-change')
    expect(allowed).toMatchObject({ code: 0 })
    const names = old.map(({ name }) => name).join(', ')
    expect(allowed.output).toContain(`nothing listens on ${names} any more`)
    const { output: status } = await command('status', '--control', control)
    expect(status).toContain(`and does not listen on ${names}`)
    await program.waitForEvent('taken-over', { step: 'the result', deadlineMs })
    expect(
      program.events.filter(({ event }) => /^(restart-failed|taken-over)$/.test(event)),
    ).toMatchObject([
      { event: 'restart-failed', error: { code: 'ERR_ENDLESS_ADDRESSES_CHANGED' } },
      { event: 'taken-over', report: { dropped: old.map(({ name }) => name) } },
    ])
    const found = await generationsAt(next)
    expect(Number(found[0])).toBeGreaterThan(0)
    for (const { at } of old) await expect(ask(at)).rejects.toThrow(/ECONNREFUSED|ENOENT/)

    // The permission was for one restart.
    write(calls(last), options)
    expect(await command('restart', '--control', control)).toMatchObject({ code: 1 })
    write(calls([...next.slice(0, 1), ...last]), options)
    const kept = await command('restart', '--control', control)
    expect(kept).toMatchObject({ code: 0 })
    for (const { name } of next.slice(1)) expect(kept.output).toContain(name)
    expect(program.stderr).toContain(`${names} would refuse`)
    expect(await generationsAt(last)).not.toContain(found[0])
  },
)

test.each(['the old version', 'the new version'])(
  'with allowAddressChange in %s all addresses may change',
  async (which) => {
    const [old, next] = await freePorts(2)
    const isOld = which === 'the old version'
    const options = { unclaimedGraceMs: 50 }
    const { program, write } = await start([[old]], { ...options, allowAddressChange: isOld })
    write([[next]], { ...options, allowAddressChange: !isOld })
    await restart(program, 1)
    expect((await get(next!)).headers['x-generation']).toBe('1')
  },
)

test('a new port that is in use is EADDRINUSE in the successor, and the old generation serves on', async () => {
  const [kept] = await freePorts(1)
  const taken = net.createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void taken.close())
  await until(() => taken.listening, { step: 'the port is taken', deadlineMs })
  const { port: used } = taken.address() as AddressInfo
  const options = { readyTimeoutMs: 3_000 } // enough to get as far as the error
  const { program, write } = await start([[kept, '127.0.0.1']], options)
  write([
    [kept, '127.0.0.1'],
    [used, '127.0.0.1'],
  ])
  program.signal('SIGHUP')
  const listenError = await program.waitForEvent('listen-error', { step: 'its error', deadlineMs })
  expect(listenError).toMatchObject({ generation: 1, error: { code: 'EADDRINUSE' } })
  await program.waitForEvent('restart-failed', { step: 'the restart fails', deadlineMs })
  expect((await get(kept!)).headers['x-generation']).toBe('0')
  write([[kept, '127.0.0.1']])
  await restart(program, 1)
})

test.runIf(hasProc).each([
  [
    'tcp',
    'a server that is not endless',
    'which does not pass it on: make that server endless too',
  ],
  ['unix', 'such a server on a path', 'which does not pass it on: make that server endless too'],
  ['udp', 'a UDP socket', 'which does not pass it on'],
  ['child', 'a server of a child process', 'which the service'],
  ['looks', 'a look whether the port is free', 'do not look before whether the port is free'],
  ['host', 'an error of listen that is handled, for another host', 'on the same host'],
])('the reason names the old process (%s): %s', async (kind, _, advice) => {
  const [port, other] = await freePorts(2)
  const address = kind === 'unix' ? path.join(temporaryDirectory(), 'other.sock') : String(other)
  const program = startFixture('has-other-addresses.mjs', { args: [kind, address, String(port)] })
  const { pid } = await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGHUP')
  const { error } = await program.waitForEvent<ProgramEvent & { error: { message: string } }>(
    'restart-failed',
    { step: 'the restart is refused', deadlineMs },
  )
  const taken = kind === 'looks' || kind === 'host' ? String(port) : address
  expect(error.message).toMatch(new RegExp(`${taken} is held by (process|the service's own)`))
  expect(error.message).toContain(`the service's own old process (pid ${pid})`)
  expect(error.message).toContain(advice)
  expect((await get(port!)).headers['x-generation']).toBe('0')
})

test.runIf(hasProc)(
  'the backlog that the application gives is in force after a restart',
  async () => {
    const { program, addresses, write } = await start([
      [{ port: 0, host: '127.0.0.1', backlog: 64 }],
    ])
    const { port } = addresses[0]!
    write([[{ port: 0, host: '127.0.0.1', backlog: 2 }]])
    await restart(program, 1)
    await program.waitForEnd(program.pid, { step: 'the predecessor exits', deadlineMs })
    program.signal('SIGSTOP') // accepts nothing, so that what waits is what the backlog lets in
    const clients = Array.from({ length: 10 }, () =>
      net.connect(port, '127.0.0.1').on('error', () => undefined),
    )
    onTestFinished(() => clients.forEach((client) => client.destroy()))
    await until(() => connectionsTo(port).length === 10, {
      step: 'the kernel knows every connection',
      deadlineMs,
    })
    // Linux lets in one more than the backlog (net/sock.h, sk_acceptq_is_full).
    expect(connectionsTo(port).filter((state) => state === ESTABLISHED)).toHaveLength(3)
  },
)

const ESTABLISHED = '01'

/** The states of all IPv4 connections to a port, from the clients' side, as the kernel names them. */
function connectionsTo(port: number): string[] {
  const remote = port.toString(16).toUpperCase().padStart(4, '0')
  const rows = new RegExp(`: \\w+:\\w+ \\w+:${remote} (\\w\\w) `, 'g')
  return [...readFileSync('/proc/net/tcp', 'utf8').matchAll(rows)].map(([, state = '']) => state)
}

/** Where a server of a test listens, by the arguments of its call, for a client, and by the name in logs. */
interface Place {
  call: unknown[]
  at: number | string
  name: string
}

async function freePlaces(count: number): Promise<Place[]> {
  return (await freePorts(count)).map((port) => ({
    call: [port, '127.0.0.1'],
    at: port,
    name: `127.0.0.1:${port}`,
  }))
}

function newPaths(count: number): Place[] {
  const directory = temporaryDirectory()
  return Array.from({ length: count }, (_, index) => {
    const at = path.join(directory, `${index}.sock`)
    return { call: [at], at, name: `unix:${at}` }
  })
}

const calls = (places: Place[]): unknown[][] => places.map(({ call }) => call)

/** Returns the generation that answers at each of these places. */
function generationsAt(places: Place[]): Promise<unknown[]> {
  return Promise.all(places.map(async ({ at }) => (await ask(at)).headers['x-generation']))
}

function ask(at: Place['at']): Promise<ClientResponse> {
  return typeof at === 'number' ? get(at) : get(0, '/', { socketPath: at })
}

async function command(...args: string[]): Promise<{ code: number | null; output: string }> {
  const running = runEndless(args)
  const { code } = await running.waitForExit({ step: `endless ${args.join(' ')}`, deadlineMs })
  await running.end() // all of its output has come
  return { code, output: running.stdout + running.stderr }
}

/** @param control the supervisor's control socket; without one, the program runs alone */
async function start(
  listen: unknown[][],
  options: object = {},
  { control }: { control?: string } = {},
) {
  const file = path.join(temporaryDirectory(), 'servers.json')
  const write = (listen: unknown[][], options: object = {}) =>
    writeFileSync(file, JSON.stringify({ listen, options }))
  write(listen, options)
  const fixture = 'serves-what-a-file-says.mjs'
  const program =
    control === undefined
      ? startFixture(fixture, { args: [file] })
      : superviseFixture(fixture, { args: [file], runArgs: ['--control', control] })
  const { addresses } = await program.waitForGeneration(0, { deadlineMs })
  return { program, write, addresses: addresses as AddressInfo[] }
}

/** Restarts, and answers where the new generation listens. */
async function restart(program: Program, number: number): Promise<AddressInfo[]> {
  program.signal('SIGHUP')
  return (await program.waitForGeneration(number, { deadlineMs }))['addresses'] as AddressInfo[]
}
