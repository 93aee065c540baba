// Proves that the adapter takes what Koa users have, with Koa 2 and 3: an app, or a server made from one.
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import Koa3 from 'koa'
import Koa2 from 'koa2'
import { describe, expect, onTestFinished, test } from 'vitest'
import { endless, type EndlessServer, type KoaApp } from '../src/index.js'

const silent = (): void => undefined
const quiet = { logger: { info: silent, warn: silent, error: silent } }

describe.each([
  { name: 'Koa 2', createApp: () => new Koa2() },
  { name: 'Koa 3', createApp: () => new Koa3() },
])('$name', ({ createApp }) => {
  function createGreeter() {
    const app = createApp()
    app.use((context) => void (context.body = 'hello'))
    return app
  }

  test('an app gets an http server', async () => {
    const served = endless(createGreeter(), quiet)
    expect(served.server).toBeInstanceOf(http.Server)
    expect(await ask(served)).toBe('hello')
  })

  test('a server made from an app stays that server', async () => {
    const server = http.createServer(createGreeter().callback())
    const served = endless(server, quiet)
    expect(served.server).toBe(server)
    expect(await ask(served)).toBe('hello')
  })

  test('an https server stays one', () => {
    const server = https.createServer(createGreeter().callback())
    expect(endless(server, quiet).server).toBe(server)
  })

  test('an error in a middleware is answered and told to the app, as ever', async () => {
    const app = createApp()
    const told = once(app, 'error') as Promise<unknown[]>
    app.use(() => {
      throw new Error('on purpose')
    })
    expect(await ask(endless(app, quiet))).toBe('Internal Server Error')
    expect(await told).toMatchObject([{ message: 'on purpose' }, expect.anything()])
  })
})

test.each([null, undefined, 'app', {}])('%j is refused with the code that core has', (nothing) => {
  expect(() => endless(nothing as KoaApp)).toThrow(
    expect.objectContaining({ code: 'ERR_ENDLESS_INVALID_HANDLER' }),
  )
})

/** Listens, asks once, and shuts down when the test has ended. */
async function ask(served: EndlessServer): Promise<string> {
  await once(served.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(async () => {
    await served.shutdown()
  })
  const { port } = served.server.address() as AddressInfo
  const response = await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } })
  return response.text()
}
