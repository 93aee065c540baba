// Proves which servers the preload `register` makes endless when they listen.
import http from 'node:http'
import net from 'node:net'
import { expect, test, vi } from 'vitest'
import { endless } from '../../src/endless.js'
import { isEndless } from '../../src/process/managed-servers.js'
import { currentRuntime } from '../../src/process/runtime.js'
import { takeAtListen } from '../../src/process/take-at-listen.js'

// The sources have no compiled preload beside them; nothing here runs it.
vi.mock('../../src/launch/preload-file.js', () => ({ preloadFile: () => undefined }))

test.each<[string, unknown[], boolean]>([
  ['a port', [3000], true],
  ['a port as text', ['3000', '127.0.0.1'], true],
  ['a port in options', [{ port: 3000, host: 'localhost' }], true],
  ['a path', ['/run/app.sock'], true],
  ['port 0', [0], false],
  ['no port', [], false],
  ['port 0 in options', [{ port: 0 }], false],
  ['a path with the pid in it', [`/tmp/tool-${String(process.pid)}.sock`], false],
  ['a descriptor', [{ fd: 3 }], false],
  ['what Node refuses', [{ port: 70_000 }], false],
])('%s', (_, args, isTaken) => {
  for (const server of [http.createServer(), net.createServer()]) {
    takeAtListen(server, args)
    expect(isEndless(server)).toBe(isTaken)
  }
})

test('what is left alone is listed once, with the reason', () => {
  for (const args of [[0], [0], [{ fd: 3 }]]) takeAtListen(http.createServer(), args)
  expect(currentRuntime().status().left).toEqual(
    expect.arrayContaining([
      { address: 'port 0', why: 'the system chooses the port, which no client can know' },
      { address: 'descriptor 3', why: 'a restart cannot hand it over' },
    ]),
  )
  const addresses = currentRuntime()
    .status()
    .left.map(({ address }) => address)
  expect(new Set(addresses).size).toBe(addresses.length)
})

test('a server that the program has made endless stays as it is', () => {
  const server = http.createServer()
  const { listen } = endless(server)
  takeAtListen(server, [3000])
  expect(server.listen).toBe(listen)
})

test('the server that the primary of a cluster creates for its workers is left alone', () => {
  // Node gives it `assert.fail` as its listener.
  const server = net.createServer(function fail() {})
  takeAtListen(server, [3000])
  expect(isEndless(server)).toBe(false)
})
