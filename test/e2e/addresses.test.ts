// Proves that listening addresses survive a restart, and that they can change, come and go with one.
import { readFileSync, writeFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'
import { createLoad, type Program } from '@endless/load'
import { expect, onTestFinished, test } from 'vitest'
import { freePorts, get, startFixture, temporaryDirectory, until } from '../helpers/index.js'

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
  expect(program.stderr).toContain(`Nothing has listened on 127.0.0.1:${dropped}`)
  await expect(get(dropped!)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  expect((await get(kept!)).headers['x-generation']).toBe('1')
  // It is anybody's again, also that of the next release.
  write(both, options)
  await restart(program, 2)
  expect((await get(dropped!)).headers['x-generation']).toBe('2')
  expect((await load.stop()).failures).toEqual([])
})

test('a new port that is in use is EADDRINUSE in the successor, and the old generation serves on', async () => {
  const [kept] = await freePorts(1)
  const taken = net.createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void taken.close())
  await until(() => taken.listening, { step: 'the port is taken', deadlineMs })
  const { port: used } = taken.address() as AddressInfo
  const options = { readyTimeoutMs: 500 }
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

async function start(listen: unknown[][], options: object = {}) {
  const file = path.join(temporaryDirectory(), 'servers.json')
  const write = (listen: unknown[][], options: object = {}) =>
    writeFileSync(file, JSON.stringify({ listen, options }))
  write(listen, options)
  const program = startFixture('serves-what-a-file-says.mjs', { args: [file] })
  const { addresses } = await program.waitForGeneration(0, { deadlineMs })
  return { program, write, addresses: addresses as AddressInfo[] }
}

/** Restarts, and answers where the new generation listens. */
async function restart(program: Program, number: number): Promise<AddressInfo[]> {
  program.signal('SIGHUP')
  return (await program.waitForGeneration(number, { deadlineMs }))['addresses'] as AddressInfo[]
}
