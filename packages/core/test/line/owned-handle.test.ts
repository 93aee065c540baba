// Proves that a handle is closed once, and not while a copy of it is on its way.
import { expect, test } from 'vitest'
import { OwnedHandle } from '../../src/line/owned-handle.js'
import { deferred } from '../../src/node/waits.js'

function createHandle() {
  const raw = { closes: 0, close: () => (raw.closes += 1) }
  return { raw, owned: new OwnedHandle(raw) }
}

test('it is closed at once when nothing needs it, and once', () => {
  const { raw, owned } = createHandle()
  owned.close()
  owned.close()
  expect(raw.closes).toBe(1)
})

test('it is closed when the last send has settled, whether that succeeded or failed', async () => {
  const { raw, owned } = createHandle()
  const [first, second] = [deferred<string>(), deferred()]
  const sent = owned.lend((handle) => {
    expect(handle).toBe(raw)
    return first.promise
  })
  const failed = owned.lend(() => second.promise)
  owned.close()
  first.resolve('sent')
  expect([await sent, raw.closes]).toEqual(['sent', 0])
  second.reject(new Error('gone'))
  await expect(failed).rejects.toThrow('gone')
  expect(raw.closes).toBe(1)
})
