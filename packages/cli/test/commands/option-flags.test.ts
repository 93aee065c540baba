// Proves that a flag is an option of the program by the same name, and that nonsense is told by the flag.
import type { JsonOptions } from '@endless/core/for-cli'
import { Command, type CommanderError } from 'commander'
import { expect, test } from 'vitest'
import { parseDuration } from '../../src/commands/format.js'
import { addOptionFlags, flagOf, optionsIn } from '../../src/commands/option-flags.js'

test.each([
  ['0', 0],
  ['500ms', 500],
  ['30s', 30_000],
  ['1.5s', 1_500],
  ['5min', 300_000],
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['2 d', 172_800_000],
  ['30', undefined],
  ['-1s', undefined],
  ['s', undefined],
  ['1w', undefined],
  ['1h30m', undefined],
  ['', undefined],
])('the time %j has %s ms', (text, durationMs) => {
  expect(parseDuration(text)).toBe(durationMs)
})

function parse(...args: string[]): JsonOptions | undefined {
  const command = new Command('run').exitOverride().configureOutput({ writeErr: () => undefined })
  addOptionFlags(command)
  command.parse(args, { from: 'user' })
  return optionsIn(command)
}

test.each<[string[], JsonOptions | undefined]>([
  [[], undefined],
  [['--hammer-time', '30s'], { hammerTimeMs: 30_000 }],
  [['--hammer-time=never'], { hammerTimeMs: -1 }],
  [
    ['--ready-timeout', '20s', '--ready-probe', '/health'],
    { readyTimeoutMs: 20_000, readyProbe: '/health' },
  ],
  [['--no-migrate-connections'], { migrateConnections: false }],
  [['--allow-address-change'], { allowAddressChange: true }],
  [
    ['--other-signal-listeners', 'call', '--ready', 'manual'],
    { otherSignalListeners: 'call', ready: 'manual' },
  ],
  [
    ['--max-header-bytes', '8192', '--socket-mode', '660'],
    { maxHeaderBytes: 8_192, socketMode: '660' },
  ],
])('%j is %j', (args, options) => {
  expect(parse(...args)).toEqual(options)
})

test.each([
  [['--hammer-time', '30'], /--hammer-time <time>.* A time has a unit: 500ms, 30s/],
  [['--ready-probe', 'health'], /--ready-probe is 'health': expected a path/],
  [['--socket-mode', 'rw'], /--socket-mode is 'rw': expected octal digits/],
  [['--ready-timeout', '100d'], /--ready-timeout is 8640000000: expected a number/],
  [['--max-header-bytes', '0'], /--max-header-bytes <bytes>.* positive whole number/],
  [['--ready', 'soon'], /Allowed choices are listening, manual/],
])('%j is refused: %s', (args, reason) => {
  const refused = expect.objectContaining({
    message: expect.stringMatching(reason) as string,
  }) as CommanderError
  expect(() => parse(...args)).toThrow(refused)
})

test('each flag has the name of its option, in kebab case and without the unit', () => {
  const kebab = (name: string): string =>
    name.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  const names = ['hammerTimeMs', 'readyProbe', 'maxHeaderBytes', 'otherSignalListeners']
  for (const name of names) expect(flagOf(name)).toBe(`--${kebab(name)}`)
  expect(flagOf('logger')).toBeUndefined()
})
