// Proves, for a slice of `npm run torture`, that restarts back to back lose, double and reorder no byte:
// under bodies with checksums, pipelining, heads in single bytes, half-closes and aborts.
import { createTorture } from '@endless/load'
import { expect, test } from 'vitest'
import { startFixture } from '../helpers/index.js'

const deadlineMs = 15_000
const restarts = 5
const seed = 20_261_123

test('clients that stop at nothing get each answer once, complete and in order', async () => {
  const program = startFixture('hashes.mjs')
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  const clients = createTorture({ port, connections: 60, seed, mayClose: true })
  clients.start()
  for (let number = 1; number <= restarts; number++) {
    program.signal('SIGHUP')
    await program.waitForGeneration(number, { deadlineMs })
  }
  const { failures, counted, unreadAfterClose } = await clients.stop()
  expect(failures).toEqual([])
  program.signal('SIGTERM')
  let handled = 0
  for (const { pid } of program.generations) {
    const { counted } = await program.waitForEvent(
      (each) => each.event === 'counted' && each.pid === pid,
      { step: `${pid} ends`, deadlineMs },
    )
    handled += Number(counted)
  }
  expect(handled).toBeGreaterThanOrEqual(counted)
  expect(handled).toBeLessThanOrEqual(counted + unreadAfterClose)
})
