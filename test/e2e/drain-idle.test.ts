// Proves that a drain ends idle HTTP/1 connections without a race: their next request is answered
// with `Connection: close`, and only what stays quiet for the whole grace is closed.
import { describe, expect, test } from 'vitest'
import { connectRaw, startAnswering, type Answering, type RawClient } from '../helpers/index.js'

// Node announces `Keep-Alive: timeout=1`, so that a restart may close after one second.
const server = { keepAliveTimeout: 1_000 }
const shortGrace = { idleGraceMs: 250, migrateConnections: false }
const longGrace = { idleGraceMs: 60_000, migrateConnections: false }

async function connectIdle(program: Answering): Promise<RawClient> {
  const client = await program.connect()
  client.request('/now/before')
  const [response] = await client.waitForResponses(1)
  expect(response).toMatchObject({ status: 200, body: 'now before' })
  expect(response?.headers).toMatchObject({ connection: 'keep-alive', 'keep-alive': 'timeout=1' })
  return client
}

async function connectSilent(program: Answering): Promise<RawClient> {
  const client = await program.connect()
  await program.waitFor('connection')
  return client
}

const kinds = [
  { name: 'cleartext', tls: false },
  { name: 'TLS', tls: true },
]

describe.each(kinds)('over $name', ({ tls }) => {
  describe.each(['SIGHUP', 'SIGTERM'] as const)('after %s', (signal) => {
    test.each([
      ['an idle connection', connectIdle],
      ['a connection that has not sent a byte', connectSilent],
    ])('%s gets its next request answered, with Connection: close', async (_name, connect) => {
      const program = await startAnswering({ tls, server, options: longGrace })
      const client = await connect(program)
      const before = client.responses.length
      await program.drain(signal)
      client.request('/now/next')
      const response = (await client.waitForResponses(before + 1)).at(-1)
      expect(response).toMatchObject({ body: 'now next', headers: { connection: 'close' } })
      expect(await client.waitForEnd()).toBe('fin')
      expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
    })

    test('connections that stay quiet are closed with a FIN when their grace is over', async () => {
      const program = await startAnswering({ tls, server, options: shortGrace })
      const idle = await connectIdle(program)
      const silent = await connectSilent(program)
      // On a restart the announced timeout counts, which is longer than the grace that is set.
      const graceMs = signal === 'SIGHUP' ? server.keepAliveTimeout : shortGrace.idleGraceMs
      const beganMs = performance.now()
      await program.drain(signal)
      for (const client of [idle, silent]) {
        expect(await client.waitForEnd()).toBe('fin')
        expect(performance.now() - beganMs).toBeGreaterThanOrEqual(graceMs)
      }
      expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
    })

    test('a half-received header that is completed in the drain is answered', async () => {
      const program = await startAnswering({
        tls,
        server,
        options: { idleGraceMs: 0, migrateConnections: false },
      })
      const fresh = await connectSilent(program)
      fresh.write('GET /now/fresh HTTP/1.1\r\nHo')
      const used = await connectIdle(program)
      used.write('GET /now/used HTTP/1.1\r\nHo')
      // What was written before is read before what comes later from the same client.
      await connectIdle(program)
      await program.drain(signal)
      for (const client of [fresh, used]) client.write('st: localhost\r\n\r\n')
      expect((await fresh.waitForResponses(1))[0]).toMatchObject({
        body: 'now fresh',
        headers: { connection: 'close' },
      })
      expect((await used.waitForResponses(2))[1]).toMatchObject({
        body: 'now used',
        headers: { connection: 'close' },
      })
      expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
    })
  })
})

test('a TCP connection that never began its TLS handshake is closed when the grace is over', async () => {
  const program = await startAnswering({ tls: true, options: shortGrace })
  const client = await connectRaw(program.port)
  await program.waitFor('connection')
  const beganMs = performance.now()
  await program.drain('SIGTERM')
  await client.waitForEnd()
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(shortGrace.idleGraceMs)
  expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
})

test('a TLS handshake that begins in the drain is served, with Connection: close', async () => {
  const program = await startAnswering({ tls: true, options: longGrace })
  const raw = await connectRaw(program.port)
  await program.waitFor('connection')
  await program.drain('SIGTERM')
  const client = await connectRaw(program.port, { tls: { socket: raw.socket } })
  client.request('/now/late')
  expect(await client.waitForResponses(1)).toMatchObject([
    { body: 'now late', headers: { connection: 'close' } },
  ])
  expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
})

test('server.close() of a foreign handler in the drain closes no idle connection', async () => {
  const program = await startAnswering({ server, options: longGrace })
  const client = await connectIdle(program)
  const silent = await connectSilent(program)
  await program.drain('SIGTERM')
  await program.command('close')
  silent.request('/now/silent')
  expect(await silent.waitForResponses(1)).toMatchObject([{ body: 'now silent' }])
  client.request('/now/next')
  expect((await client.waitForResponses(2))[1]).toMatchObject({ body: 'now next' })
  expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
})

test('without an idleGraceMs a restart keeps to the announced timeout, however long', async () => {
  const program = await startAnswering({ server: { keepAliveTimeout: 7_000 } })
  const client = await program.connect()
  client.request('/now/1')
  const [response] = await client.waitForResponses(1)
  expect(response?.headers).toMatchObject({ 'keep-alive': 'timeout=7' })
  const beganMs = performance.now()
  await program.drain('SIGHUP')
  await client.waitForEnd({ deadlineMs: 12_000 })
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(7_000)
  await program.waitForExit()
})
