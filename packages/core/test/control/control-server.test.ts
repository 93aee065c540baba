// Proves that each error of the control socket has a code, whatever failed.
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { EndlessError } from '../../src/api/endless-error.js'
import { createControlServer } from '../../src/control/control-server.js'
import type { Service } from '../../src/control/service.js'

async function ask(failure: unknown): Promise<{ status: number; error: object }> {
  const service = {
    hasMoved: () => Promise.resolve(false),
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- applications throw anything
    restart: () => Promise.reject(failure),
  }
  const server = createControlServer(service as unknown as Service).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const request = http.request({ port, method: 'POST', path: '/restart', agent: false }).end()
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk as string
  return {
    status: response.statusCode ?? 0,
    ...(JSON.parse(text) as { error: object }),
  }
}

test.each([
  ['an error without a code', new Error('bad'), 'ERR_ENDLESS_REQUEST_FAILED', 'bad'],
  [
    'one whose code is a number',
    Object.assign(new Error('bad'), { code: 404 }),
    'ERR_ENDLESS_REQUEST_FAILED',
    'bad',
  ],
  ['what is no error', 'bad', 'ERR_ENDLESS_REQUEST_FAILED', 'bad'],
  ['nothing', undefined, 'ERR_ENDLESS_REQUEST_FAILED', 'undefined'],
  ['an error of Node', Object.assign(new Error('bad'), { code: 'ENOENT' }), 'ENOENT', 'bad'],
  [
    'one of endless',
    new EndlessError('ERR_ENDLESS_READY_TIMEOUT', 'late'),
    'ERR_ENDLESS_READY_TIMEOUT',
    'late',
  ],
])('%s is answered with a code', async (_, failure, code, message) => {
  expect(await ask(failure)).toEqual({ status: 500, error: { code, message } })
})
