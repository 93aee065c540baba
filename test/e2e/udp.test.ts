// Proves that the UDP sockets of a program which knows nothing of endless go on across restarts, that no datagram is
// lost, and which sockets are left alone.
import dgram from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts, startDatagrams } from '@endless/load'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  connectRaw,
  get,
  isAlive,
  type Program,
  type ProgramEvent,
  startFixture,
  superviseFixture,
  temporaryDirectory,
} from '../helpers/index.js'

const deadlineMs = 15_000
const register = fileURLToPath(new URL('../../packages/core/dist/register.cjs', import.meta.url))
const fixture = 'answers-datagrams.mjs'

const ways: Record<string, (file: string) => Program> = {
  alone: (file) => startFixture(fixture, { execArgv: ['--import', register], args: [file] }),
  supervised: (file) => superviseFixture(fixture, { args: [file] }),
}

interface Listening extends ProgramEvent {
  bound: { address: string; port: number }[]
}

/** Starts a program, and restarts it as often as asked. */
async function start(way: string, first: object, generations = 1) {
  const file = path.join(temporaryDirectory(), 'settings.json')
  const write = (settings: object) => {
    writeFileSync(file, JSON.stringify(settings))
  }
  write(first)
  const program = ways[way]!(file)
  const seen: Listening[] = []
  const listens = async () => {
    let at = 0
    const isNext = ({ event, isMain }: ProgramEvent) =>
      event === 'listening' && isMain === true && at++ === seen.length
    seen.push(
      await program.waitForEvent<Listening>(isNext, {
        step: `generation ${seen.length} listens`,
        deadlineMs,
      }),
    )
    return seen.at(-1)!
  }
  await listens()
  const signal = (pid = seen.at(-1)!.pid) => {
    program.signal('SIGHUP', way === 'supervised' ? program.pid : pid)
  }
  /** @param pid who serves, if it is not the last that has begun to */
  const restart = async (pid?: number) => {
    signal(pid)
    const next = await listens()
    await program.waitForLine(new RegExp(`\\(pid ${next.pid}\\) serves `), {
      step: 'it takes over',
      deadlineMs,
    })
    return next
  }
  while (seen.length < generations) await restart()
  return { program, write, listens, signal, restart, first: seen[0]! }
}

function createClient(type: dgram.SocketType = 'udp4'): dgram.Socket {
  const client = dgram.createSocket(type)
  onTestFinished(() => void client.close())
  return client
}

/** Sends a datagram; resolves with the answer. */
async function ask(text: string, port: number, host = '127.0.0.1') {
  const client = createClient(host.includes(':') ? 'udp6' : 'udp4')
  client.send(text, port, host)
  const [answer, from] = (await once(client, 'message')) as [Buffer, dgram.RemoteInfo]
  expect(from.port).toBe(port)
  const [, pid, store] = answer.toString().split(' ')
  return { pid: Number(pid), store }
}

const on = (port: number | undefined, options: object = { type: 'udp4' }) => ({
  options,
  bind: [port, '127.0.0.1'],
})

describe.each(Object.keys(ways))('%s:', (way) => {
  test('restarts lose no datagram, and what came is answered in the context of the program', async () => {
    const [port, udp] = await freePorts(2)
    const options = { type: 'udp4', recvBufferSize: 400_000 }
    const { restart } = await start(way, { port, sockets: [on(udp, options)] })
    const load = await startDatagrams(udp!, 500)
    const pids: number[] = []
    for (const number of [1, 2, 3]) {
      await expect.poll(() => load.answered, { timeout: deadlineMs }).toBeGreaterThan(number * 100)
      pids.push((await restart()).pid)
      expect(await ask('?', udp!)).toEqual({ pid: pids.at(-1), store: 'store' })
      expect((await get(port!)).body).toBe(String(pids.at(-1)))
    }
    expect(await load.stop()).toMatchObject({ lost: [] })
  })

  test('a successor that dies before it takes over has read nothing', async () => {
    const [port, udp] = await freePorts(2)
    const sockets = [on(udp)]
    const { program, first, signal, write } = await start(way, { port, sockets })
    const load = await startDatagrams(udp!, 500)
    write({ port, sockets, dies: 'before' })
    signal()
    await program.waitForLine(/[Rr]estart (to generation \d+ )?failed/, {
      step: 'it fails',
      deadlineMs,
    })
    const { lost, answers } = await load.stop()
    expect([lost, [...answers.keys()]]).toEqual([[], [String(first.pid)]])
  })

  test('the predecessor reads again when its successor dies, and what came waits', async () => {
    const [port, udp] = await freePorts(2)
    const { first, restart } = await start(way, { port, sockets: [on(udp)] })
    await restart()
    const client = createClient()
    client.send('die', udp, '127.0.0.1')
    expect(await ask('?', udp!)).toMatchObject({ pid: first.pid })
    expect((await get(port!)).body).toBe(String(first.pid))
    const { pid } = await restart(first.pid)
    expect(await ask('?', udp!)).toMatchObject({ pid })
  })

  test('the old process answers what it has read, and then ends', async () => {
    const [port, udp] = await freePorts(2)
    const { program, first, restart } = await start(way, { port, sockets: [on(udp)] })
    const late = ask('late', udp!)
    await ask('?', udp!) // it has read the first
    const { pid } = await restart()
    expect(await ask('?', udp!)).toMatchObject({ pid })
    expect(isAlive(first.pid)).toBe(true)
    expect(await late).toMatchObject({ pid: first.pid })
    await program.waitForEnd(first.pid, { step: 'the old process ends', deadlineMs })
  })
})

test('a generation that is killed is replaced, and what comes meanwhile waits at its supervisor', async () => {
  const [port, udp] = await freePorts(2)
  const { program, first, listens, restart } = await start('supervised', {
    port,
    sockets: [on(udp)],
  })
  const { pid: killed } = await restart()
  await program.waitForEnd(first.pid, { step: 'its predecessor ends', deadlineMs })
  program.signal('SIGKILL', killed)
  await program.waitForEnd(killed, { step: 'it dies', deadlineMs })
  const answer = ask('?', udp!)
  const { pid } = await listens()
  expect(await answer).toMatchObject({ pid })
})

test('what is set on a socket stays, and can be set again: IPv6, memberships, a peer, a host name', async () => {
  const [port, four, six, many, connected, named] = await freePorts(6)
  const peer = createClient()
  peer.bind(0, '127.0.0.1')
  await once(peer, 'listening')
  const sockets = [
    on(four),
    { options: { type: 'udp6', ipv6Only: true }, bind: [six, '::1'] },
    {
      options: { type: 'udp4', reuseAddr: true },
      bind: [{ port: many, exclusive: true }],
      group: ['239.0.0.77', '127.0.0.1'],
    },
    { ...on(connected), peer: [peer.address().port, '127.0.0.1'] },
    { options: { type: 'udp4' }, bind: [named, 'localhost'] },
    on(0),
  ]
  const { program, first, restart } = await start('alone', { port, sockets }, 2)
  const { pid, bound } = await restart()
  expect(bound.slice(0, 5)).toEqual(first.bound.slice(0, 5))
  expect(bound[5]!.port).not.toBe(0)
  expect(await ask('?', four!)).toMatchObject({ pid })
  expect(await ask('?', six!, '::1')).toMatchObject({ pid })
  expect(await ask('?', named!)).toMatchObject({ pid })
  peer.send('?', connected, '127.0.0.1')
  expect(String((await once(peer, 'message'))[0])).toBe(`? ${pid} store`)
  const sender = createClient()
  sender.bind(0, '127.0.0.1')
  await once(sender, 'listening')
  sender.setMulticastInterface('127.0.0.1')
  sender.send('?', many, '239.0.0.77')
  expect(String((await once(sender, 'message'))[0])).toBe(`? ${pid} store`)
  expect(program.stderr).not.toContain('Nothing has listened')
})

test('a release adds a port and drops another, and says so', async () => {
  const [port, kept, dropped, added] = await freePorts(4)
  const options = { unclaimedGraceMs: 50 }
  const { program, write, restart } = await start('alone', {
    port,
    options,
    sockets: [on(kept), on(dropped)],
  })
  write({ port, options, sockets: [on(kept), on(added)] })
  const { pid } = await restart()
  const line = new RegExp(`Nothing listens on udp:127\\.0\\.0\\.1:${dropped} any more`)
  await program.waitForLine(line, { step: 'it is told', deadlineMs })
  expect(await ask('?', kept!)).toMatchObject({ pid })
  expect(await ask('?', added!)).toMatchObject({ pid })
  const { pid: next } = await restart()
  expect(await ask('?', added!)).toMatchObject({ pid: next })
})

test('a fixed port of a worker thread refuses every restart', async () => {
  const [port, udp] = await freePorts(2)
  const { program, first, signal } = await start('alone', {
    port,
    sockets: [],
    thread: [on(udp)],
  })
  const name = `udp:127\\.0\\.0\\.1:${udp}`
  await program.waitForLine(new RegExp(`A worker thread listens on ${name}: a restart cannot`), {
    step: 'the log says so',
    deadlineMs,
  })
  // The thread has told the main thread before it wrote that, by another way: a further turn has both.
  await get(port!)
  signal()
  await program.waitForLine(new RegExp(`Cannot restart: a worker thread listens on ${name}`), {
    step: 'the restart is refused',
    deadlineMs,
  })
  expect((await get(port!)).body).toBe(String(first.pid))
})

test('after a rollback the old version alone reads, while the new one still has something to finish', async () => {
  const [port, udp] = await freePorts(2)
  const directory = temporaryDirectory()
  const [file, control] = ['settings.json', 'control'].map((name) => path.join(directory, name))
  writeFileSync(file!, JSON.stringify({ port, sockets: [on(udp)] }))
  const program = superviseFixture(fixture, { args: [file!], runArgs: ['--control', control!] })
  const { pid } = await program.waitForEvent<Listening>('listening', {
    step: 'it listens',
    deadlineMs,
  })
  const order = (target: string) =>
    get(0, target, { socketPath: control!, method: 'POST', deadlineMs })
  await expect
    .poll(async () => (await order('/restart?probationMs=60000').catch(() => undefined))?.status, {
      timeout: deadlineMs,
    })
    .toBe(200)
  await expect.poll(async () => (await ask('?', udp!)).pid === pid).toBe(false)
  const client = await connectRaw(port!)
  client.write('GET / HTTP/1.1\r\n')
  expect((await get(port!)).body).not.toBe(String(pid))
  expect((await order('/rollback')).status).toBe(200)
  const load = await startDatagrams(udp!, 500)
  const pids = new Set<number>()
  for (let count = 0; count < 50; count++) pids.add((await ask('?', udp!)).pid)
  expect([...pids]).toEqual([pid])
  expect(await load.stop()).toMatchObject({ lost: [] })
  expect(client.endedBy).toBeUndefined()
})
