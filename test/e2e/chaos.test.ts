// Proves, for a slice of `npm run chaos`, that random restarts, kills, stops and bad releases end with
// exactly one generation that serves, and lose nothing but what the dead held. A failure prints its seed,
// with which the operations come again: `npm run chaos -- --seed 7 --lives 1`, with --supervised if it was
// so.
import { fileURLToPath } from 'node:url'
import { live } from '@endless/load'
import { describe, expect, test } from 'vitest'

// Not by the helpers, which end all programs after each test: several lives run at once.
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const program = path('../fixtures/lives-dangerously.mjs')
const endless = path('../../packages/cli/bin/endless.js')

/** Seeds with which two generations served in an early version, or nobody at one of the ports. */
const fixed = [10, 58, 140]
/** Another one each time. */
const fresh = Math.floor(Math.random() * 2 ** 32)

describe.concurrent.each([
  { how: 'alone', supervised: false },
  { how: 'supervised', supervised: true },
])('$how', ({ supervised }) => {
  test.each([...fixed, fresh])(
    'after whatever seed %i does, one serves, the next restart works, and a stop leaves nothing',
    async (seed) => {
      if (seed === fresh) console.log(`chaos: fresh seed ${seed}`)
      const { violation, history, answered } = await live({ program, endless, supervised, seed })
      const told = `--seed ${seed}${supervised ? ' --supervised' : ''}: ${violation?.message}\n${history}`
      expect(violation, told).toBeUndefined()
      expect(answered).toBeGreaterThan(0)
    },
    120_000,
  )
})
