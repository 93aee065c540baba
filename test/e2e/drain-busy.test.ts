// Proves that a drain answers every HTTP/1 request that was read, says `Connection: close` on the last
// response of each connection and on no other, and cuts no response and no upload.
import { describe, expect, test } from 'vitest'
import {
  connectPipelining,
  startAnswering,
  startTelling,
  until,
  type Answering,
  type RawClient,
  type Telling,
} from '../helpers/index.js'

// Node closes nothing by itself, and no timeout is announced that a restart would have to keep.
const noTimeout = { keepAliveTimeout: 0 }
const longGrace = { idleGraceMs: 60_000 }

const occasions = [
  { name: 'SIGTERM, cleartext', tls: false, signal: 'SIGTERM' },
  { name: 'SIGTERM, TLS', tls: true, signal: 'SIGTERM' },
  // Cleartext connections move to the successor; over TLS they end where they are.
  { name: 'SIGHUP, TLS', tls: true, signal: 'SIGHUP' },
] as const

/** Every `Connection` header that came, in the order of the responses. */
function connectionHeaders(client: RawClient): string[] {
  const text = client.received.toString('latin1')
  return [...text.matchAll(/^connection: *(.*)\r$/gim)].map(([, value = '']) => value.toLowerCase())
}

async function expectEnd(program: Answering, client: RawClient): Promise<void> {
  expect(await client.waitForEnd()).toBe('fin')
  expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
}

test.each([...occasions, { name: 'SIGHUP, cleartext', tls: false, signal: 'SIGHUP' } as const])(
  '$name: a body that arrives after an early answer is read whole',
  async ({ tls, signal }) => {
    const program = await startAnswering({ tls, server: noTimeout, options: { idleGraceMs: 100 } })
    const client = await program.connect()
    client.write(
      'POST /early/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\nb',
    )
    expect(await client.waitForResponses(1)).toMatchObject([{ body: 'early upload' }])
    const idle = await program.connect()
    await program.drain(signal)
    // A connection that nothing holds is closed or has moved by then.
    if (signal === 'SIGTERM' || tls) await idle.waitForEnd()
    client.write('o'.repeat(299_998))
    client.write('y')
    expect(await program.waitFor('read')).toMatchObject({ name: 'upload', bytes: 300_000 })
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
  },
)

const neverIdle = [
  ['that always has ten requests outstanding', { outstanding: 10 }],
  ['that always has two', { outstanding: 2 }],
  ['that has ten answered at once', { outstanding: 10, takesMs: 0 }],
  ['that sends one every 10 ms', { everyMs: 10 }],
] as const

/** The names of the requests that a handler of the first generation has begun with. */
const begunIn = (service: Telling) =>
  service.eventsOf('request', 0).map(({ name }) => name as string)

describe.each(occasions)('a client that is never idle, $name', ({ tls, signal }) => {
  test.each(neverIdle)(
    '%s is told in time; what has begun is answered, in order, and nothing begins after that',
    async (_, pace) => {
      const service = await startTelling({ tls, options: { hammerTimeMs: 20_000 } })
      const clients = await Promise.all(
        Array.from({ length: 3 }, () => connectPipelining(service.port, { tls, ...pace })),
      )
      for (const client of clients) {
        await client.waitForResponse(() => client.responses.length >= 20, '20 responses')
      }
      service.program.signal(signal)
      for (const client of clients) expect(await client.waitForEnd()).toBe('fin')
      const { report } = await service.waitFor('terminate', { generation: 0 })
      expect(report).toMatchObject({ hammered: 0 })
      expect(clients.map(({ wasTold }) => wasTold)).toEqual([true, true, true])
      for (const { sent, answered } of clients) {
        expect(answered).toEqual(sent.slice(0, answered.length))
      }
      expect(begunIn(service).sort()).toEqual(clients.flatMap(({ answered }) => answered).sort())
    },
  )
})

describe.each(occasions)('$name', ({ tls, signal }) => {
  const start = (options: object = longGrace, server: object = {}) =>
    startAnswering({ tls, server, options })

  test('all pipelined requests that were read are answered, with close on the last only', async () => {
    const program = await start()
    const client = await program.connect()
    for (const name of ['a', 'b', 'c']) client.request(`/wait/${name}`)
    await program.waitForRequest('c')
    await program.drain(signal)
    // The last one is ready first, and has to wait for its turn.
    for (const name of ['c', 'a', 'b']) await program.answer(name)
    const responses = await client.waitForResponses(3)
    expect(responses.map(({ body }) => body)).toEqual(['wait a', 'wait b', 'wait c'])
    expect(connectionHeaders(client)).toEqual(['keep-alive', 'keep-alive', 'close'])
    await expectEnd(program, client)
  })

  test('a request that arrives behind one that waits is answered, and is then the last', async () => {
    const program = await start()
    const client = await program.connect()
    client.request('/wait/first')
    await program.waitForRequest('first')
    await program.drain(signal)
    client.request('/wait/second')
    await program.waitForRequest('second')
    await program.answer('first')
    await program.answer('second')
    expect(await client.waitForResponses(2)).toMatchObject([
      { body: 'wait first', headers: { connection: 'keep-alive' } },
      { body: 'wait second', headers: { connection: 'close' } },
    ])
    await expectEnd(program, client)
  })

  test('requests that arrive pipelined in the drain are all answered', async () => {
    const program = await start()
    const client = await program.connect()
    await program.waitFor('connection')
    await program.drain(signal)
    // More than two TLS records.
    client.request('/now/', { count: 1_000 })
    await client.waitForResponses(1_000)
    expect(connectionHeaders(client).slice(-2)).toEqual(['keep-alive', 'close'])
    await expectEnd(program, client)
  })

  test('a request of which a part has come behind another is answered, and is then the last', async () => {
    const program = await start()
    const client = await program.connect()
    await program.waitFor('connection')
    await program.drain(signal)
    client.write('GET /now/first HTTP/1.1\r\nHost: localhost\r\n\r\nGET /now/second HT')
    await client.waitForResponses(1)
    client.write('TP/1.1\r\nHost: localhost\r\n\r\n')
    const responses = await client.waitForResponses(2)
    expect(responses.map(({ body }) => body)).toEqual(['now first', 'now second'])
    expect(connectionHeaders(client)).toEqual(['keep-alive', 'close'])
    await expectEnd(program, client)
  })

  test('clients that send the next request in the very moment of the drain lose none', async () => {
    const program = await start({ idleGraceMs: 3_000 })
    const clients = await Promise.all(Array.from({ length: 20 }, () => program.connect()))
    const askUntilClosed = async (client: RawClient): Promise<void> => {
      for (let count = 1; connectionHeaders(client).at(-1) !== 'close'; count++) {
        client.request('/now/next')
        await client.waitForResponses(count)
      }
      expect(await client.waitForEnd()).toBe('fin')
    }
    const asked = Promise.all(clients.map(askUntilClosed))
    await Promise.all(clients.map((client) => client.waitForResponses(3)))
    await program.drain(signal)
    await asked
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
  })

  test('the last response says close, however the application writes its header', async () => {
    const styles =
      'plain chunked object reason flat pairs set set-and-object set-headers flushed removed wrapped'
    const program = await start()
    const clients = new Map<string, RawClient>()
    for (const style of styles.split(' ')) {
      const client = await program.connect()
      client.request(`/wait/${style}?style=${style}`)
      await program.waitForRequest(style)
      clients.set(style, client)
    }
    await program.drain(signal)
    for (const [style, client] of clients) {
      await program.answer(style)
      const [response] = await client.waitForResponses(1)
      expect(response, style).toMatchObject({ status: 200, body: `wait ${style}` })
      expect(connectionHeaders(client), style).toEqual(['close'])
      expect(await client.waitForEnd(), style).toBe('fin')
    }
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
  })

  test('responses without a body say close: to HEAD, 204 and 304', async () => {
    const program = await start()
    const clients = new Map<string, RawClient>()
    for (const style of ['plain', 'no-content', 'not-modified']) {
      const client = await program.connect()
      const method = style === 'plain' ? 'HEAD' : 'GET'
      client.write(`${method} /wait/${style}?style=${style} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      await program.waitForRequest(style)
      clients.set(style, client)
    }
    await program.drain(signal)
    for (const [style, client] of clients) {
      await program.answer(style)
      expect(await client.waitForEnd(), style).toBe('fin')
      expect(connectionHeaders(client), style).toEqual(['close'])
      expect(client.received.toString(), style).toMatch(/\r\n\r\n$/)
    }
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
  })

  test('a streamed response under way ends whole, and the next request is the last', async () => {
    const program = await start()
    const client = await program.connect()
    client.request('/stream/long')
    await until(() => client.received.includes('first,'), {
      step: 'the stream begins',
      deadlineMs: 5_000,
    })
    await program.drain(signal)
    await program.answer('long')
    expect(await client.waitForResponses(1)).toMatchObject([{ body: 'first,stream long' }])
    client.request('/now/next')
    expect((await client.waitForResponses(2))[1]).toMatchObject({
      body: 'now next',
      headers: { connection: 'close' },
    })
    await expectEnd(program, client)
  })

  test('after a streamed response the connection is closed when its grace is over', async () => {
    const program = await start({ idleGraceMs: 200 }, noTimeout)
    const client = await program.connect()
    client.request('/stream/long')
    await program.waitForRequest('long')
    await program.drain(signal)
    await program.answer('long')
    expect(await client.waitForResponses(1)).toMatchObject([{ body: 'first,stream long' }])
    await expectEnd(program, client)
  })

  test('an upload goes on in the drain, and its response says close', async () => {
    const program = await start()
    const client = await program.connect()
    client.write(
      'POST /echo/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\nfirst ',
    )
    await program.waitForRequest('upload')
    await program.drain(signal)
    client.write('second')
    await program.answer('upload')
    const [response] = await client.waitForResponses(1)
    expect(response).toMatchObject({ body: 'first second', headers: { connection: 'close' } })
    await expectEnd(program, client)
  })

  test('a response before the end of the upload is not lost, nor what the client sends then', async () => {
    const program = await start()
    const client = await program.connect()
    const half = 'x'.repeat(200_000)
    client.write(
      `POST /wait/refused HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${2 * half.length}\r\n\r\n`,
    )
    client.write(half)
    await program.waitForRequest('refused')
    await program.drain(signal)
    await program.answer('refused')
    // Closing here, with bytes still coming, would reset the connection and take the response along.
    await client.waitForResponses(1)
    client.write(half)
    client.request('/now/next')
    expect((await client.waitForResponses(2))[1]).toMatchObject({
      body: 'now next',
      headers: { connection: 'close' },
    })
    await expectEnd(program, client)
  })

  test('a connection whose upload ends after its response is closed when its grace is over', async () => {
    const program = await start({ idleGraceMs: 200 }, noTimeout)
    const client = await program.connect()
    client.write(
      'POST /now/refused HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\nfirst ',
    )
    await client.waitForResponses(1)
    await program.drain(signal)
    client.write('second')
    await expectEnd(program, client)
  })

  test('Expect: 100-continue is answered with 100 and then with close', async () => {
    const program = await start()
    const before = await program.connect()
    const during = await program.connect()
    const head = (name: string) =>
      `POST /echo/${name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n`
    before.write(head('before'))
    await before.waitForResponses(1)
    await program.drain(signal)
    during.write(head('during'))
    for (const [name, client] of Object.entries({ before, during })) {
      expect(await client.waitForResponses(1)).toMatchObject([{ status: 100 }])
      client.write('body')
      await program.waitForRequest(name)
      await program.answer(name)
      expect((await client.waitForResponses(2))[1]).toMatchObject({ status: 200, body: 'body' })
      expect(connectionHeaders(client)).toEqual(['close'])
      expect(await client.waitForEnd()).toBe('fin')
    }
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
  })

  test('clients that abort their uploads do not hold the process', async () => {
    const program = await start({ ...longGrace, hammerTimeMs: 60_000 })
    const head =
      'POST /echo/aborted HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\nfirst '
    const ended = await program.connect()
    const reset = await program.connect()
    for (const client of [ended, reset]) client.write(head)
    await until(
      () => program.program.events.filter(({ event }) => event === 'request').length === 2,
      {
        step: 'both uploads have begun',
        deadlineMs: 5_000,
      },
    )
    await program.drain(signal)
    ended.end()
    reset.reset()
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
  })

  test('HTTP/1.0 is answered and closed, also where it asked for keep-alive', async () => {
    const program = await start()
    const plain = await program.connect()
    const kept = await program.connect()
    plain.write('GET /wait/plain HTTP/1.0\r\n\r\n')
    kept.write('GET /wait/kept HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    for (const name of ['plain', 'kept']) await program.waitForRequest(name)
    await program.drain(signal)
    for (const [name, client] of Object.entries({ plain, kept })) {
      await program.answer(name)
      expect(await client.waitForEnd()).toBe('fin')
      expect(client.received.toString()).toMatch(new RegExp(`^HTTP/1.1 200 [^]*wait ${name}$`))
      expect(connectionHeaders(client)).toEqual(['close'])
    }
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
  })

  test('the last response is whole, whatever its client sends behind it, and nothing of that begins', async () => {
    const program = await start()
    const client = await program.connect()
    await program.waitFor('connection')
    await program.drain(signal)
    client.request('/now/last?style=large')
    client.socket.pause()
    await program.waitForRequest('last')
    // More than the kernel takes before a server reads it.
    for (let count = 0; count < 20; count++) client.request('/now/dropped', { count: 10_000 })
    client.socket.resume()
    expect(await client.waitForEnd()).toBe('fin')
    expect(client.responses).toMatchObject([{ status: 200, headers: { connection: 'close' } }])
    expect(client.responses[0]?.body.length).toBe(12_000_000)
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
    const names = program.program.events.filter(({ event }) => event === 'request')
    expect(names.map(({ name }) => name)).toEqual(['last'])
  })

  test('a client that reads slowly gets all of a long response, longer than the grace', async () => {
    const program = await start({ idleGraceMs: 100 }, noTimeout)
    const idle = await program.connect()
    const slow = await program.connect()
    slow.request('/now/large?style=large')
    await program.waitForRequest('large')
    slow.socket.pause()
    await program.drain(signal)
    // It has been as quiet as the one that is closed for it.
    await idle.waitForEnd()
    slow.socket.resume()
    await expectEnd(program, slow)
    expect(slow.responses).toMatchObject([{ status: 200 }])
    expect(slow.responses[0]?.body.length).toBe(12_000_000)
  })
})
