// Proves that the limits of a request, a response and a header hold where they are set, as options or
// as defaults, and that a server without them is as Node made it.
import http from 'node:http'
import { describe, expect, test } from 'vitest'
import {
  startAnswering,
  until,
  type Answering,
  type AnsweringSettings,
  type RawClient,
} from '../helpers/index.js'

type Limits = Pick<
  NonNullable<AnsweringSettings['options']>,
  'readTimeoutMs' | 'writeTimeoutMs' | 'maxHeaderBytes'
>

/** A request whose header has that many bytes. */
function requestOf(bytes: number): string {
  const [before, after] = ['GET /now/long HTTP/1.1\r\nHost: localhost\r\nX-Long: ', '\r\n\r\n']
  return before + 'x'.repeat(bytes - before.length - after.length) + after
}

/** Sends more and more of something, and takes how the server ends that; the client was never quiet. */
async function trickle(client: RawClient, text: string): Promise<void> {
  await until(
    () => {
      if (client.endedBy === undefined) client.write(text)
      return client.endedBy
    },
    { step: 'the server ends the connection', deadlineMs: 5_000, everyMs: 20 },
  )
}

async function statusOf(program: Answering, bytes: number): Promise<number | undefined> {
  const client = await program.connect()
  client.write(requestOf(bytes))
  const [response] = await client.waitForResponses(1)
  client.destroy()
  return response?.status
}

describe.each([
  ['an option', (limits: Limits): AnsweringSettings => ({ options: limits })],
  ['a default', (limits: Limits): AnsweringSettings => ({ defaults: limits })],
  ['an option, over TLS', (limits: Limits): AnsweringSettings => ({ options: limits, tls: true })],
])('as %s', (_how, settings) => {
  test('readTimeoutMs answers 408 to a request that takes longer, its header or its body', async () => {
    const program = await startAnswering(settings({ readTimeoutMs: 300 }))
    const kept = await program.connect()
    kept.request('/now/first')
    await kept.waitForResponses(1)
    for (const begin of [
      'GET /now/slow HTTP/1.1\r\nX-Slow: ',
      'POST /wait/slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n',
    ]) {
      const client = await program.connect()
      const beganMs = performance.now()
      client.write(begin)
      await trickle(client, 'x')
      // Node looks four times in that time.
      expect(performance.now() - beganMs).toBeGreaterThanOrEqual(300)
      expect(performance.now() - beganMs).toBeLessThan(1_000)
      expect(client.received.toString()).toMatch(/^HTTP\/1.1 408 /)
    }
    // A kept connection may be idle for longer.
    kept.request('/now/second')
    expect(await kept.waitForResponses(2)).toMatchObject([{ status: 200 }, { status: 200 }])
  })

  test('writeTimeoutMs ends the connection of a response that takes longer', async () => {
    const program = await startAnswering(settings({ writeTimeoutMs: 300 }))
    const kept = await program.connect()
    kept.request('/now/first')
    await kept.waitForResponses(1)
    const beganMs = performance.now()
    const late = await program.connect()
    late.request('/stream/late')
    const slow = await program.connect()
    slow.socket.pause()
    slow.request('/now/large?style=large')
    await late.waitForEnd()
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(300)
    expect(late.responses).toEqual([])
    await program.waitFor('answered', { name: 'large' })
    slow.socket.resume()
    await slow.waitForEnd()
    expect(slow.responses).toEqual([])
    // A response that was in time is not counted any further.
    kept.request('/now/second')
    expect(await kept.waitForResponses(2)).toMatchObject([{ status: 200 }, { status: 200 }])
  })

  test('maxHeaderBytes answers 431 to a longer header, also where Node alone would take less', async () => {
    const short = await startAnswering(settings({ maxHeaderBytes: 1_000 }))
    expect([await statusOf(short, 900), await statusOf(short, 1_100)]).toEqual([200, 431])
    const long = await startAnswering(settings({ maxHeaderBytes: 60_000 }))
    expect(await statusOf(long, 50_000)).toBe(200)
  })
})

test('the option of a server is stronger than the default', async () => {
  const program = await startAnswering({
    options: { readTimeoutMs: 1_000, maxHeaderBytes: 2_000 },
    defaults: { readTimeoutMs: 5_000, maxHeaderBytes: 500 },
  })
  expect(await program.command('limits')).toMatchObject({
    requestTimeout: 1_000,
    maxHeaderSize: 2_000,
  })
})

test('without limits the server has those of a bare one', async () => {
  const program = await startAnswering()
  const { requestTimeout, headersTimeout, keepAliveTimeout, timeout } = http.createServer()
  // A maxHeaderSize that is not set is not in the JSON, and is Node's own at each connection.
  expect(await program.command('limits')).toEqual({
    requestTimeout,
    headersTimeout,
    keepAliveTimeout,
    timeout,
  })
  expect(await statusOf(program, http.maxHeaderSize - 100)).toBe(200)
  expect(await statusOf(program, http.maxHeaderSize + 100)).toBe(431)
})

test('with a writeTimeoutMs, Node goes on answering Expect by itself', async () => {
  const program = await startAnswering({ options: { writeTimeoutMs: 60_000 } })
  const client = await program.connect()
  client.request('/now/odd', { headers: 'Expect: the-unexpected\r\n' })
  expect(await client.waitForResponses(1)).toMatchObject([{ status: 417 }])
  client.write('POST /echo/body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n')
  client.write('Expect: 100-continue\r\n\r\n')
  expect((await client.waitForResponses(2))[1]).toMatchObject({ status: 100 })
})

test('the limits hold in a drain', async () => {
  const options = { readTimeoutMs: 300, writeTimeoutMs: 300, idleGraceMs: 60_000 }
  const program = await startAnswering({ options })
  const slow = await program.connect()
  slow.write('GET /now/slow HTTP/1.1\r\nX-Slow: ')
  const late = await program.connect()
  late.request('/wait/late')
  await program.waitForRequest('late')
  await program.drain('SIGTERM')
  await trickle(slow, 'x')
  expect(slow.received.toString()).toMatch(/^HTTP\/1.1 408 /)
  await late.waitForEnd()
  expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
})
