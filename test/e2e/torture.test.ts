// Proves, for a slice of `npm run torture`, that restarts back to back lose, double and reorder no byte:
// under bodies with checksums, pipelining, heads in single bytes, half-closes and aborts.
import { createTorture, type TortureReport } from '@endless/load'
import { expect, test } from 'vitest'
import { startFixture } from '../helpers/index.js'

const deadlineMs = 15_000
const restarts = 6
const seed = 20_261_123

test('clients that stop at nothing keep their connections and get each answer once, complete and in order', async () => {
  const { failures, migrated, announced, counted, handled } = await torture({ migrates: true })
  expect(failures).toEqual([])
  expect(migrated).toBeGreaterThan(60)
  expect(announced).toBe(0)
  expect(handled).toBe(counted)
})

test('without migration they are told of the end of a connection, and get the same answers', async () => {
  const { failures, migrated, announced, counted, handled, unreadAfterClose } = await torture({
    migrates: false,
  })
  expect(failures).toEqual([])
  expect(migrated).toBe(0)
  expect(announced).toBeGreaterThan(60)
  expect(handled).toBeGreaterThanOrEqual(counted)
  expect(handled).toBeLessThanOrEqual(counted + unreadAfterClose)
})

/** Adds to what the clients saw how often their requests were handled, by all generations together. */
async function torture({
  migrates,
}: {
  migrates: boolean
}): Promise<TortureReport & { handled: number }> {
  const options = { migrateConnections: migrates }
  const program = startFixture('hashes.mjs', { args: [JSON.stringify(options)] })
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  const clients = createTorture({ port, connections: 60, seed, mayClose: !migrates })
  clients.start()
  for (let number = 1; number <= restarts; number++) {
    program.signal('SIGHUP')
    await program.waitForGeneration(number, { deadlineMs })
  }
  const report = await clients.stop()
  program.signal('SIGTERM')
  let handled = 0
  for (const { pid } of program.generations) {
    const { counted } = await program.waitForEvent(
      (each) => each.event === 'counted' && each.pid === pid,
      { step: `${pid} ends`, deadlineMs },
    )
    handled += Number(counted)
  }
  return { ...report, handled }
}
