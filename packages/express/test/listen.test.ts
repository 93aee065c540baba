// Proves that `listen` reports a failure as Express users expect it, with Express 4 and 5, given an app or a server.
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import express5 from 'express'
import express4 from 'express4'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { endless, type EndlessServer } from '../src/index.js'

const frameworks = { 'Express 4': express4, 'Express 5': express5 }

const cases = Object.entries(frameworks).flatMap(([name, express]) => [
  { name: `${name}, an app`, make: () => express() as http.RequestListener },
  {
    name: `${name}, a server made from an app`,
    make: () => http.createServer(express() as http.RequestListener),
  },
])

const logger = { info: () => undefined, warn: () => undefined, error: () => undefined }
let portInUse: number

beforeEach(async () => {
  const other = net.createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  portInUse = (other.address() as AddressInfo).port
  return () => void other.close()
})

describe.each(cases)('$name', ({ make }) => {
  function createEndless(): EndlessServer {
    const server = endless(make() as http.Server, { logger })
    onTestFinished(async () => {
      if (server.server.listening) await server.shutdown()
    })
    return server
  }

  test('a callback that declares a parameter gets the error, and nobody else does', async () => {
    const { listen } = createEndless()
    const error = await new Promise((resolve) =>
      listen(portInUse, '127.0.0.1', calledWith(resolve)),
    )
    expect(error).toMatchObject({ code: 'EADDRINUSE', port: portInUse })
  })

  test('a callback that declares none is not called, and the server emits the error', async () => {
    const { listen } = createEndless()
    const server = listen(portInUse, '127.0.0.1', () => expect.unreachable('it does not listen'))
    const [error] = (await once(server, 'error')) as unknown[]
    expect(error).toMatchObject({ code: 'EADDRINUSE', port: portInUse })
  })

  test('a callback that declares a parameter is called without one when it listens, and gets no later error', async () => {
    const { listen } = createEndless()
    const calls: unknown[] = []
    const server = listen(
      0,
      '127.0.0.1',
      calledWith((...args) => calls.push(args)),
    )
    await once(server, 'listening')
    expect(calls).toEqual([[]])
    const later = new Error('later')
    expect(() => server.emit('error', later)).toThrow(later)
  })

  test('the callback of a listen that failed is not called by one that succeeds later', async () => {
    const { listen } = createEndless()
    const calls: unknown[][] = []
    await new Promise<void>((resolve) => {
      const onListen = (...args: unknown[]) => {
        calls.push(args)
        resolve()
      }
      listen(portInUse, '127.0.0.1', calledWith(onListen))
    })
    await once(listen(0, '127.0.0.1'), 'listening')
    expect(calls).toEqual([[expect.objectContaining({ code: 'EADDRINUSE' })]])
  })

  test('the callback of a listen that threw is not called later', async () => {
    const { listen } = createEndless()
    const server = listen(0, '127.0.0.1')
    await once(server, 'listening')
    const never = calledWith(() => expect.unreachable('that listen threw'))
    expect(() => listen(0, '127.0.0.1', never)).toThrow(
      expect.objectContaining({ code: 'ERR_SERVER_ALREADY_LISTEN' }),
    )
    const later = new Error('later')
    expect(() => server.emit('error', later)).toThrow(later)
  })
})

/** Makes a callback that declares a parameter, as Express 5 documents it. */
function calledWith(receive: (...args: unknown[]) => unknown): () => void {
  return function (_error?: unknown, ...rest: unknown[]) {
    receive(...(arguments.length === 0 ? [] : [_error, ...rest]))
  }
}
