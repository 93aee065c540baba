// Proves which values the options of a restart take: what cannot be passed on must not begin a restart.
import { expect, test } from 'vitest'
import type { RestartOptions } from '../../src/api/reports.js'
import { findInvalid } from '../../src/api/restart-checks.js'

test.each<RestartOptions>([
  {},
  { probationMs: undefined },
  { probationMs: 0 },
  { probationMs: -1 },
  { probationMs: 600_000, maxBlockedMs: 0, maxErrors: 1, parallel: 2, allowAddressChange: true },
])('%j is valid', (options) => {
  expect(findInvalid(options)).toBeUndefined()
})

test.each<[keyof RestartOptions, unknown]>([
  ['probationMs', Infinity],
  ['probationMs', -Infinity],
  ['probationMs', Number.NaN],
  ['probationMs', '60s'],
  ['maxBlockedMs', -1],
  ['maxBlockedMs', Infinity],
  ['maxErrors', 5],
  ['maxErrors', Number.NaN],
  ['parallel', 0],
  ['parallel', 1.5],
])('%s may not be %j', (name, value) => {
  expect(findInvalid({ [name]: value })).toMatchObject({
    code: 'ERR_ENDLESS_INVALID_OPTION',
    message: expect.stringContaining(name) as string,
  })
})
