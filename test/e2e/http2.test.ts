// Proves that an HTTP/2 server restarts and shuts down without losing a stream: clients are told by
// GOAWAY, streams in flight finish, and what comes too late is refused so that it may be sent again.
import { describe, expect, test } from 'vitest'
import { connectHttp2, startAnswering } from '../helpers/index.js'

const idleGraceMs = 60_000

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
})
