// Proves that an HTTP/2 server restarts and shuts down without losing a stream: clients are told by
// GOAWAY, streams in flight finish, and what comes too late is refused so that it may be sent again.
import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  connectHttp2,
  connectRaw,
  http2Get,
  http2Goaway,
  Http2Load,
  http2Preface,
  parseHttp2Frames,
  startAnswering,
  until,
  withDeadline,
} from '../helpers/index.js'

const idleGraceMs = 60_000
const deadlineMs = 15_000

describe.each([
  { name: 'cleartext', tls: false },
  { name: 'TLS', tls: true },
])('over $name', ({ tls }) => {
  describe.each(['SIGHUP', 'SIGTERM'] as const)('on %s', (signal) => {
    test('streams in flight finish after the GOAWAY, and sessions that are idle end at once', async () => {
      const program = await startAnswering({ http2: true, tls, options: { idleGraceMs } })
      const busy = await connectHttp2(program.port, { tls })
      const idle = await connectHttp2(program.port, { tls })
      expect(await idle.get('/now/first')).toEqual({ status: 200, body: 'now first' })
      const answers = ['one', 'two'].map((name) => busy.get(`/stream/${name}`))
      await Promise.all(['one', 'two'].map((name) => program.waitForRequest(name)))
      await program.drain(signal)
      await idle.waitForEnd()
      expect(busy.lastStreamId).toBe(3)
      await program.answer('two')
      await program.answer('one')
      expect(await Promise.all(answers)).toEqual([
        { status: 200, body: 'first,stream one' },
        { status: 200, body: 'first,stream two' },
      ])
      await busy.waitForEnd()
      expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
    })

    test('a session without a stream so far has its first served, and is closed then', async () => {
      const program = await startAnswering({ http2: true, tls, options: { idleGraceMs } })
      const client = await connectHttp2(program.port, { tls })
      await program.drain(signal)
      expect(await client.get('/now/late')).toEqual({ status: 200, body: 'now late' })
      await client.waitForEnd()
      expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
    })
  })

  test('a session that stays without a stream is closed after its grace', async () => {
    const program = await startAnswering({ http2: true, tls, options: { idleGraceMs: 300 } })
    const client = await connectHttp2(program.port, { tls })
    const beganMs = performance.now()
    await program.drain('SIGTERM')
    await client.waitForEnd()
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(300)
    expect(client.lastStreamId).toBe(0)
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
  })

  test('the hammer destroys sessions with what runs on them, and counts their connections', async () => {
    const options = { idleGraceMs, hammerTimeMs: 300 }
    const program = await startAnswering({ http2: true, tls, options })
    const busy = await connectHttp2(program.port, { tls })
    const fresh = await connectHttp2(program.port, { tls })
    const answers = ['one', 'two'].map((name) => busy.get(`/wait/${name}`))
    await Promise.all(['one', 'two'].map((name) => program.waitForRequest(name)))
    await program.drain('SIGTERM')
    const outcomes = await Promise.allSettled(answers)
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await Promise.all([busy.waitForEnd(), fresh.waitForEnd()])
    expect(await program.waitFor('hammer')).toMatchObject({ destroyed: 2 })
    expect(await program.waitForExit()).toMatchObject({ hammered: 2 })
  })

  test('five restarts under load lose no request', async () => {
    const program = await startAnswering({ http2: true, tls })
    const load = new Http2Load(program.port, { tls })
    onTestFinished(() => load.stop())
    for (let generation = 1; generation <= 5; generation++) {
      const answered = load.answered
      await until(() => load.answered > answered + 200, { step: 'the load goes on', deadlineMs })
      program.program.signal('SIGHUP')
      await program.program.waitForGeneration(generation, { deadlineMs })
    }
    await program.waitForExit()
    await load.stop()
    const { answered, refused, sessions, lost } = load
    console.log(`HTTP/2, TLS ${tls}: ${JSON.stringify({ answered, refused, sessions, lost })}`)
    expect(lost).toEqual([])
    expect(sessions).toBeGreaterThanOrEqual(50) // ten clients, each told to go elsewhere
  })

  test('a stream that comes after the GOAWAY is not begun, and the one before it is answered', async () => {
    const program = await startAnswering({ http2: true, tls })
    const client = await connectRaw(program.port, { tls: tls && { ALPNProtocols: ['h2'] } })
    const frames = () => parseHttp2Frames(client.received)
    client.write(Buffer.concat([http2Preface, http2Get(1, '/wait/early')]))
    await program.waitForRequest('early')
    await program.drain('SIGTERM')
    await until(() => frames().some(({ type }) => type === 'GOAWAY'), {
      step: 'the GOAWAY comes',
      deadlineMs,
    })
    client.write(http2Get(3, '/now/late'))
    await program.answer('early')
    expect(await client.waitForEnd()).toBe('fin')
    const goaway = frames().find(({ type }) => type === 'GOAWAY')
    expect([goaway?.payload.readUInt32BE(0), goaway?.payload.readUInt32BE(4)]).toEqual([1, 0])
    const data = frames().filter(({ type }) => type === 'DATA')
    expect(Buffer.concat(data.map(({ payload }) => payload)).toString()).toBe('wait early')
    expect([...new Set(frames().map(({ stream }) => stream))]).toEqual([0, 1])
    client.end()
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
    const requests = program.program.events.filter(({ event }) => event === 'request')
    expect(requests.map(({ name }) => name)).toEqual(['early'])
  })

  test('a client that neither leaves nor says anything after its last stream is let go', async () => {
    const program = await startAnswering({ http2: true, tls })
    const client = await connectRaw(program.port, {
      tls: tls && { ALPNProtocols: ['h2'] },
      allowHalfOpen: true,
    })
    client.write(Buffer.concat([http2Preface, http2Get(1, '/now/only')]))
    await program.waitForRequest('only')
    await program.drain('SIGTERM')
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
    client.destroy()
  })

  test('so is one that had said GOAWAY itself before the drain', async () => {
    const program = await startAnswering({ http2: true, tls })
    const client = await connectRaw(program.port, {
      tls: tls && { ALPNProtocols: ['h2'] },
      allowHalfOpen: true,
    })
    client.write(Buffer.concat([http2Preface, http2Get(1, '/wait/only')]))
    await program.waitForRequest('only')
    client.write(http2Goaway())
    await until(() => parseHttp2Frames(client.received).some(({ type }) => type === 'GOAWAY'), {
      step: 'the server answers with its own',
      deadlineMs,
    })
    await program.drain('SIGTERM')
    await program.answer('only')
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
    client.destroy()
  })

  test('when the successor dies, sessions that were not closed yet go on as if nothing had been', async () => {
    const program = await startAnswering({ http2: true, tls, options: { idleGraceMs } })
    const busy = await connectHttp2(program.port, { tls })
    const fresh = await connectHttp2(program.port, { tls })
    const answer = busy.get('/wait/one')
    await program.waitForRequest('one')
    await program.drain('SIGHUP')
    const { pid } = await program.program.waitForGeneration(1, { deadlineMs })
    program.program.signal('SIGKILL', pid)
    await program.waitFor('restart-failed')
    for (const name of ['first', 'second']) {
      expect(await fresh.get(`/now/${name}`)).toMatchObject({ body: `now ${name}` })
    }
    const late = await connectHttp2(program.port, { tls })
    expect(await late.get('/now/third')).toMatchObject({ body: 'now third' })
    expect([fresh.lastStreamId, late.lastStreamId]).toEqual([undefined, undefined])
    await program.answer('one')
    expect(await answer).toMatchObject({ body: 'wait one' })
    await busy.waitForEnd()
    await program.drain('SIGTERM')
    await Promise.all([fresh.waitForEnd(), late.waitForEnd()])
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
  })
})

describe('with allowHTTP1', () => {
  const settings = { http2: true, tls: true, server: { allowHTTP1: true } }

  test.each(['SIGHUP', 'SIGTERM'] as const)(
    'on %s, a quiet HTTP/1 connection gets one more answer, with Connection: close',
    async (signal) => {
      const program = await startAnswering({ ...settings, options: { idleGraceMs } })
      const client = await program.connect()
      const session = await connectHttp2(program.port, { tls: true })
      await session.get('/now/http2')
      client.request('/now/first')
      expect((await client.waitForResponses(1))[0]?.headers['connection']).toBe('keep-alive')
      await program.drain(signal)
      await session.waitForEnd()
      expect(client.endedBy).toBeUndefined()
      client.request('/now/last')
      const [, last] = await client.waitForResponses(2)
      expect(last).toMatchObject({ headers: { connection: 'close' }, body: 'now last' })
      expect(await client.waitForEnd()).toBe('fin')
      expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
    },
  )

  test('quiet HTTP/1 connections and unfinished handshakes are closed after the grace', async () => {
    const program = await startAnswering({ ...settings, options: { idleGraceMs: 300 } })
    const quiet = await program.connect()
    quiet.request('/now/first')
    await quiet.waitForResponses(1)
    const silent = await connectRaw(program.port)
    await program.drain('SIGTERM')
    expect(await quiet.waitForEnd()).toBe('fin')
    await silent.waitForEnd()
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
  })
})

test('a TLS session is resumed by the successor', async () => {
  const program = await startAnswering({ http2: true, tls: true })
  const tls = { ALPNProtocols: ['h2'] }
  const first = await connectRaw(program.port, { tls })
  const [session] = (await withDeadline(once(first.tlsSocket, 'session'), {
    step: 'a ticket comes',
    deadlineMs,
  })) as [Buffer]
  first.destroy()
  await program.drain('SIGHUP')
  const second = await connectRaw(program.port, { tls: { ...tls, session } })
  expect(second.tlsSocket.isSessionReused()).toBe(true)
  second.destroy()
})
