// Proves when a number of workers makes little sense.
import { expect, test } from 'vitest'
import { crowdNotice } from '../../src/supervisor/crowd.js'

test('more than eight workers for each core are told', () => {
  expect(crowdNotice(16, 2)).toBeUndefined()
  expect(crowdNotice(17, 2)).toMatch(/^17 workers, and cores for 2: /)
  expect(crowdNotice(9, 1)).toMatch(/^9 workers, and cores for 1: /)
})
