// Proves that the load generator sees each way in which a request can be lost, and no other.
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { createLoad } from '../src/traffic/load.js'
import type { LoadOptions } from '../src/traffic/options.js'
import { get, postEcho } from '../src/traffic/call.js'
import { until } from '../src/program/until.js'

const servers: http.Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

test('answers are counted per process and nothing fails on a sound server', async () => {
  const report = await run(sound, { freshPerSecond: 200 })
  expect(report.failures).toEqual([])
  expect(report.generations).toMatchObject([{ pid: 1, generation: 0, requests: report.answered }])
  expect(report.connections).toMatchObject({ opened: 4, reconnects: 0, closedUnannounced: 0 })
  expect(report.latency.calm.count).toBe(report.answered)
})

test('a connection that is reset before the response is no-response', async () => {
  const report = await run((request) => request.socket.destroy())
  expect(report.failures[0]).toMatchObject({ kind: 'no-response', code: 'ECONNRESET' })
  expect(report.answered).toBe(0)
})

test('a response that ends before its length is cut', async () => {
  const report = await run((request, response) => {
    response.setHeader('content-length', 10)
    response.write('half', () => request.socket.destroy())
  })
  expect(report.failures[0]).toMatchObject({ kind: 'cut' })
})

test('a chunked response that ends without its last chunk is cut', async () => {
  const report = await run((request, response) => {
    response.write('half', () => request.socket.end())
  })
  expect(report.failures[0]).toMatchObject({ kind: 'cut' })
})

test('a status that was not expected is a failure', async () => {
  const report = await run((_request, response) => response.writeHead(503).end('busy'))
  expect(report.failures[0]).toMatchObject({ kind: 'status', message: 'status 503' })
})

test('a body that is not the one that was sent is a failure', async () => {
  const report = await run(
    (request, response) => request.resume().on('end', () => response.end('no')),
    {
      calls: [postEcho({ bodyBytes: [2, 2] })],
    },
  )
  expect(report.failures[0]).toMatchObject({
    kind: 'body',
    message: 'sent 2 bytes, got 2 different ones',
  })
})

test('a request without an answer times out', async () => {
  const report = await run(() => {}, { requestTimeoutMs: 50 })
  expect(report.failures[0]).toMatchObject({ kind: 'timeout', message: 'no response after 50 ms' })
  expect(report.connections.closedUnannounced).toBe(0) // it was the client that gave up
})

test('a refused connection is a failure to connect', async () => {
  const port = await listen(sound)
  servers[0]?.close()
  const report = await runOn({ port, freshPerSecond: 100 })
  expect(report.failures[0]).toMatchObject({ kind: 'connect', code: 'ECONNREFUSED' })
  expect(report.connections.opened).toBe(0)
})

test('a connection that is closed with an announcement is opened again and is no failure', async () => {
  const report = await run((request, response) => {
    response.setHeader('connection', 'close')
    sound(request, response)
  })
  expect(report.failed).toBe(0)
  expect(report.connections.closedAnnounced).toBe(report.answered)
  expect(report.connections.reconnects).toBe(report.connections.opened - 4)
})

test('an idle connection that is closed without a word is seen', async () => {
  const endIdle = (request: http.IncomingMessage, response: http.ServerResponse) => {
    response.on('finish', () => setTimeout(() => request.socket.end(), 5))
    sound(request, response)
  }
  const report = await run(endIdle, { thinkMs: [100, 100], keepAliveTimeout: 0 })
  expect(report.failed).toBe(0)
  expect(report.connections.closedUnannounced).toBeGreaterThanOrEqual(4)
})

test('a connection on which another process answers has moved', async () => {
  const answers = new WeakMap<Socket, number>()
  const report = await run((request, response) => {
    const count = (answers.get(request.socket) ?? 0) + 1
    answers.set(request.socket, count)
    sound(request, response, count > 3 ? 2 : 1)
  })
  expect(report.connections).toMatchObject({ opened: 4, moved: 4 })
})

test('requests in a restart window are kept apart until the new pid has settled', async () => {
  let pid = 1
  const port = await listen((request, response) => sound(request, response, pid))
  const load = createLoad({ port, keepAliveConnections: 4, settleMs: 50 })
  load.start()
  await until(() => load.snapshot().answered > 20, { step: 'calm', deadlineMs: 5_000 })
  load.markRestart()
  setTimeout(() => (pid = 2), 50)
  const restart = await load.settled()
  expect(restart.pid).toBe(2)
  expect(restart.firstAnswerAfterMs).toBeGreaterThanOrEqual(45)
  await sleep(50)
  const { latency, answered, generations } = await load.stop()
  expect(latency.calm.count).toBeGreaterThan(20)
  expect(latency.restart.count).toBeGreaterThan(20)
  expect(latency.calm.count + latency.restart.count).toBe(answered)
  expect(generations.map((generation) => generation.pid)).toEqual([1, 2])
})

test('requests beside a control are kept apart, and those of the warm-up are not counted', async () => {
  const load = createLoad({ port: await listen(sound), keepAliveConnections: 4, warmUpMs: 50 })
  load.start()
  await until(() => load.snapshot().latency.calm.count > 20, { step: 'calm', deadlineMs: 5_000 })
  const { answered } = load.snapshot()
  expect(load.snapshot().latency.calm.count).toBeLessThan(answered)
  await load.control(() => sleep(50))
  const { latency } = await load.stop()
  expect(latency.control.count).toBeGreaterThan(20)
  expect(latency.restart.count).toBe(0)
})

test('a restart without a new pid is an error that says so', async () => {
  const port = await listen(sound)
  const load = createLoad({ port, keepAliveConnections: 1 })
  load.start()
  expect(() => load.markRestart()).toThrow('no process has answered yet')
  await until(() => load.snapshot().answered > 0, { step: 'an answer', deadlineMs: 5_000 })
  load.markRestart()
  const settled = load.settled({ step: 'restart 1', deadlineMs: 50 })
  await expect(settled).rejects.toThrow('restart 1: not within 50 ms\nno new pid has answered')
  await load.stop()
})

test('a body in two parts arrives whole', async () => {
  const report = await run(sound, { calls: [postEcho({ pauseMs: [5, 20] }), get()] })
  expect(report.failures).toEqual([])
})

function sound(request: http.IncomingMessage, response: http.ServerResponse, pid = 1): void {
  response.setHeader('x-pid', pid)
  response.setHeader('x-generation', pid - 1)
  if (request.method === 'POST') request.pipe(response)
  else response.end('hello')
}

async function run(
  handler: (request: http.IncomingMessage, response: http.ServerResponse) => unknown,
  options: Omit<LoadOptions, 'port'> & { keepAliveTimeout?: number } = {},
) {
  return runOn({ port: await listen(handler, options.keepAliveTimeout), ...options })
}

async function runOn(options: LoadOptions) {
  const load = createLoad({ keepAliveConnections: 4, ...options })
  load.start()
  await sleep(250)
  return load.stop()
}

async function listen(
  handler: (request: http.IncomingMessage, response: http.ServerResponse) => unknown,
  keepAliveTimeout = 5_000,
): Promise<number> {
  const server = http.createServer(handler)
  server.keepAliveTimeout = keepAliveTimeout
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
