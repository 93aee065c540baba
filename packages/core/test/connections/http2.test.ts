// Proves that a stream which is read between the GOAWAY and its sending is neither begun nor refused
// by Node itself, which would free it while it is read.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import type net from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { endConnections } from '../../src/connections/draining.js'
import { OpenConnections } from '../../src/connections/open-connections.js'
import { FakeSystem } from '../fake-system.js'

const certificates = new URL('../../../../test/fixtures/certificates/', import.meta.url)
const certificate = {
  cert: readFileSync(new URL('chain.crt', certificates)),
  key: readFileSync(new URL('localhost.key', certificates)),
}

test.each([
  { protocol: 'http', create: () => http2.createServer() },
  { protocol: 'https', create: () => http2.createSecureServer(certificate) },
])('over $protocol', async ({ protocol, create }) => {
  const server = create()
  const connections = new OpenConnections(server)
  const begun: http2.ServerHttp2Stream[] = []
  server.on('stream', (stream) => {
    begun.push(stream)
    stream.respond()
    stream.write('begun')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as net.AddressInfo
  const client = http2.connect(`${protocol}://127.0.0.1:${String(port)}`, {
    rejectUnauthorized: false,
  })
  onTestFinished(() => {
    client.destroy()
  })
  const get = (path: string) => client.request({ ':path': path }).setEncoding('utf8')
  const accepted = once(server, 'session') as Promise<[http2.ServerHttp2Session]>
  const early = get('/early')
  const [session] = await accepted
  await once(early, 'readable')

  const late = get('/late')
  const isRefused = expect(once(late, 'end')).rejects.toThrow('NGHTTP2_REFUSED_STREAM')
  // In the next turn it is with the kernel. Our GOAWAY is sent in the one after, which reads first.
  await new Promise((resolve) => setImmediate(resolve))
  endConnections(server, connections, {
    system: new FakeSystem(),
    idleGraceMs: () => 5_000,
    hammerTimeMs: 60_000,
  })
  expect(session.closed).toBe(false)
  await isRefused
  expect(session.closed).toBe(true)
  expect(session.state.lastProcStreamID).toBe(late.id) // it did come before

  begun[0]?.end(', ended')
  expect((await early.toArray()).join('')).toBe('begun, ended')
  await once(client, 'close')
  expect(begun).toHaveLength(1)
})
