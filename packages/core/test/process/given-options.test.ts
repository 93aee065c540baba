// Proves which options are listed as given, by whom, and for which server.
import http from 'node:http'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { EndlessOptions } from '../../src/api/options.js'
import { createManagedServer } from '../../src/process/managed-servers.js'
import { currentRuntime } from '../../src/process/runtime.js'

// The sources have no compiled preload beside them; nothing here runs it.
vi.mock('../../src/launch/preload-file.js', () => ({ preloadFile: () => undefined }))

/** Serves until the test ends; resolves with the address. */
async function serve(options: EndlessOptions): Promise<string> {
  const managed = createManagedServer(http.createServer(), {
    ...options,
    beforeBegin: () => undefined,
    exit: false,
    signals: [],
  })
  onTestFinished(async () => {
    await managed.shutdown()
  })
  await managed.begin({ port: 0, host: '127.0.0.1' })
  return managed.address ?? ''
}

const given = (): unknown =>
  currentRuntime()
    .status()
    .options.filter(({ name }) => !['beforeBegin', 'exit', 'signals'].includes(name))

test('what two servers say alike is listed once, and what they say differently for each', async () => {
  const one = await serve({ hammerTimeMs: 1, idleGraceMs: 5, readyTimeoutMs: 7 })
  const other = await serve({ hammerTimeMs: 2, idleGraceMs: 5 })
  expect(given()).toEqual([
    { name: 'hammerTimeMs', value: '1', from: `code, ${one}` },
    { name: 'hammerTimeMs', value: '2', from: `code, ${other}` },
    { name: 'idleGraceMs', value: '5', from: 'code' },
    { name: 'readyTimeoutMs', value: '7', from: 'code' },
  ])
})
