// Proves what a server does with the path of its Unix socket: it binds it, takes it from a predecessor,
// has it mended, and listens there again.
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ListenCall } from '../../src/listeners/listen-call.js'
import { ServedPath } from '../../src/listeners/served-path.js'
import { leadsTo } from '../../src/listeners/unix-path.js'
import { bindUnixSocket, keepOnClose, type UnixSocket } from '../../src/listeners/unix-socket.js'
import { settle } from '../fake-system.js'

let directory: string
let target: string
let server: net.Server
let served: ServedPath
let mode: number | undefined
let isWanted: boolean
let logged: string[]

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'endless-served-'))
  target = path.join(directory, 'app.sock')
  server = net.createServer((socket) => socket.destroy())
  mode = undefined
  isWanted = true
  logged = []
  const log = (text: string): void => void logged.push(text)
  served = new ServedPath(target, call, {
    server,
    host: { logger: { info: log, warn: log, error: log } },
    get rights() {
      return { mode, owner: undefined }
    },
    isWanted: () => isWanted,
  })
})

afterEach(async () => {
  server.close()
  await settle()
  fs.rmSync(directory, { recursive: true })
})

const call: ListenCall = {
  target: { kind: 'path', path: '' },
  written: 'app.sock',
  backlog: undefined,
  readableAll: false,
  writableAll: false,
  signal: undefined,
  callback: undefined,
}

/** Makes a socket that listens there, as a predecessor has it. */
async function bindElsewhere(): Promise<UnixSocket> {
  const rights = { mode: undefined, owner: undefined }
  const result = await new Promise<UnixSocket | Error>((resolve) => {
    bindUnixSocket({ ...call, path: target, rights, isWanted: () => true }, resolve)
  })
  if (result instanceof Error) throw result
  return result
}

async function connect(): Promise<void> {
  const client = net.connect(target)
  await once(client, 'connect')
  client.destroy()
}

const modeOf = (): number => fs.lstatSync(target).mode & 0o777

test('binding it listens, with the rights that are set, by the name that the application wrote', async () => {
  mode = 0o600
  served.bind()
  await once(server, 'listening')
  expect([server.address(), modeOf()]).toEqual(['app.sock', 0o600])
  expect(served.bound).toMatchObject({ path: target })
  await connect()
})

test('binding it where something is emits the error of Node', async () => {
  fs.writeFileSync(target, 'text')
  served.bind()
  const [error] = (await once(server, 'error')) as [Error]
  expect(error).toMatchObject({ code: 'EADDRINUSE', address: target })
  expect(served.bound).toBe(undefined)
})

test('the path of a predecessor gets the rights and the end that are set here', async () => {
  const socket = await bindElsewhere()
  keepOnClose(socket.handle)
  served.listenOn(socket)
  await once(server, 'listening')
  mode = 0o640
  served.take(socket)
  expect(modeOf()).toBe(0o640)
  await once(server.close(), 'close')
  expect(fs.existsSync(target)).toBe(false)
})

test('the path of a service manager is left as it is', async () => {
  const { handle, bound } = await bindElsewhere()
  keepOnClose(handle)
  served.listenOn({ handle, bound: { ...bound, identity: '' } })
  await once(server, 'listening')
  const before = modeOf()
  mode = 0o600
  served.take({ handle, bound: { ...bound, identity: '' } })
  served.mend()
  await once(server.close(), 'close')
  expect([modeOf(), logged]).toEqual([before, []])
})

test('rights that cannot be set are warned about', async () => {
  const socket = await bindElsewhere()
  served.listenOn(socket)
  await once(server, 'listening')
  fs.rmSync(target)
  mode = 0o600
  served.take(socket)
  expect(logged).toEqual([expect.stringContaining(`Cannot set the rights of ${target}`)])
})

test('a path that leads to it is not mended, one that is gone is', async () => {
  served.bind()
  await once(server, 'listening')
  served.mend()
  expect(logged).toEqual([])
  const first = served.bound!
  fs.rmSync(target)
  served.mend()
  expect(logged).toEqual([expect.stringContaining(`${target} was removed`)])
  expect([leadsTo(first), leadsTo(served.bound!)]).toEqual([false, true])
  await connect()
})

test('a path that another process is about to remove is bound anew', async () => {
  served.bind()
  await once(server, 'listening')
  const first = served.bound!
  served.keep()
  expect([leadsTo(first), leadsTo(served.bound!)]).toEqual([false, true])
  expect(logged).toEqual([])
  await connect()
})

test('one that somebody else has by then is not mended, and the server listens on', async () => {
  served.bind()
  await once(server, 'listening')
  fs.rmSync(target)
  fs.writeFileSync(target, 'text')
  served.mend()
  while (logged.length < 2) await settle()
  expect(logged[1]).toContain(`Cannot listen on unix:${target} again`)
  expect([server.listening, fs.readFileSync(target, 'utf8')]).toEqual([true, 'text'])
})

test('it listens again on the escrow of its socket', async () => {
  const socket = await bindElsewhere()
  served.listenOn(socket)
  await once(server, 'listening')
  keepOnClose(socket.handle)
  await once(server.close(), 'close')
  fs.rmSync(target)
  const escrow = await bindElsewhere()
  keepOnClose(escrow.handle)
  served.again(escrow, () => undefined)
  await once(server, 'listening')
  expect(served.bound).toEqual(escrow.bound)
  expect([served.opened(), served.opened()]).toEqual([true, false])
  await connect()
})

test('it listens again without an escrow', async () => {
  served.bind()
  await once(server, 'listening')
  await once(server.close(), 'close')
  expect(fs.existsSync(target)).toBe(false)
  served.again(undefined, () => undefined)
  await once(server, 'listening')
  await connect()
})

test('nothing comes of it if it is no longer wanted', async () => {
  fs.writeFileSync(target, 'text')
  let errors = 0
  server.on('error', () => errors++)
  served.bind()
  isWanted = false
  await settle(20)
  expect([errors, server.listening]).toEqual([0, false])
})
