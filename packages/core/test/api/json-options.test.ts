// Proves which options a package.json may have, and that a mistake is told by its key and its file.
import { expect, test } from 'vitest'
import { isInJson, keysIn, parseJsonOptions } from '../../src/api/json-options.js'
import { optionNames } from '../../src/api/option-checks.js'

const where = '/srv/shop/package.json: endless'
const parse = (value: unknown): unknown => parseJsonOptions(value, keysIn('/srv/shop/package.json'))

test('options are those of code', () => {
  const options = {
    hammerTimeMs: -1,
    idleGraceMs: 2_000,
    readyProbe: '/health',
    migrateConnections: false,
    socketOwner: { uid: 1, gid: 2 },
    signals: ['SIGHUP', 'SIGTERM'],
    successor: { cwd: '/srv/current', args: ['app.js'], env: { A: '1' } },
    pidFile: 'app.pid',
  }
  expect(parse(options)).toEqual(options)
  expect(parse({})).toEqual({})
})

test('what is for `endless run` itself is checked, and is no option of the program', () => {
  expect(parse({ workers: 'max', parallel: 2, balance: false, maxBlockedMs: 30_000 })).toEqual({})
  expect(parse({ maxMemoryBytes: 512_000_000, maxAgeMs: 43_200_000, ready: 'manual' })).toEqual({
    ready: 'manual',
  })
})

test.each([['660'], ['0660'], ['0o660'], [0o660]])('permissions %j are octal', (socketMode) => {
  expect(parse({ socketMode })).toEqual({ socketMode: 0o660 })
})

test.each([
  [{ hamerTimeMs: 1 }, '.hamerTimeMs is not an option; did you mean hammerTimeMs?'],
  [{ hammerTime: 1 }, '.hammerTime is not an option; did you mean hammerTimeMs?'],
  [{ 'ready-timeout': 1 }, '.ready-timeout is not an option; did you mean readyTimeoutMs?'],
  [{ pidfile: 'x' }, '.pidfile is not an option; did you mean pidFile?'],
  [
    JSON.parse('{ "__proto__": 1 }') as unknown,
    /^\/srv\/shop\/package\.json: endless\.__proto__ is not an option; the options are allowAddressChange, /,
  ],
  [{ toString: 1 }, /\.toString is not an option; /],
  [
    { hammerTimeMs: '30s' },
    ".hammerTimeMs is '30s': expected a number of milliseconds, negative for never",
  ],
  [{ pidFile: null }, '.pidFile is null: expected a path'],
  [{ ready: 'soon' }, ".ready is 'soon': expected 'listening' or 'manual'"],
  [{ socketMode: '999' }, '.socketMode is \'999\': expected octal digits, such as "660"'],
  [{ socketMode: 'rw' }, '.socketMode is \'rw\': expected octal digits, such as "660"'],
  [{ successor: { args: 'app.js' } }, /\.successor is an object: expected an object of \{/],
  [{ migrateConnections: 'no' }, /\.migrateConnections is 'no': expected true, false or/],
  [{ hooks: {} }, '.hooks needs code: give it to endless()'],
  [{ logger: {} }, '.logger needs code: give it to endless()'],
  [{ workers: 0 }, ".workers is 0: expected a number from 1 to 1024, or 'max'"],
  [{ workers: '4' }, ".workers is '4': expected a number from 1 to 1024, or 'max'"],
  [{ worker: 4 }, '.worker is not an option; did you mean workers?'],
  [{ parallel: 1.5 }, '.parallel is 1.5: expected a number from 1 to 1024'],
  [{ balance: 'no' }, ".balance is 'no': expected true or false"],
  [{ maxAgeMs: -1 }, '.maxAgeMs is -1: expected a number of milliseconds, 0 for none'],
  [
    { maxMemoryBytes: '512MB' },
    ".maxMemoryBytes is '512MB': expected a number of bytes, 0 for none",
  ],
  [true, ' is true: expected an object of options'],
  [null, ' is null: expected an object of options'],
  [['SIGHUP'], ' is [SIGHUP]: expected an object of options'],
])('%j is refused: %s', (value: unknown, reason) => {
  const message: unknown =
    typeof reason === 'string' ? `${where}${reason}` : expect.stringMatching(reason)
  expect(() => parse(value)).toThrow(
    expect.objectContaining({
      code: 'ERR_ENDLESS_INVALID_OPTION',
      message,
    }),
  )
})

test('the error has one line, and no stack: that would lead away from the file', () => {
  try {
    parse({ hamerTimeMs: 1 })
  } catch (error) {
    expect((error as Error).stack).toBe(`EndlessError: ${(error as Error).message}`)
  }
  expect.assertions(1)
})

test('all options but those that are functions are in JSON', () => {
  expect(optionNames.filter((name) => !isInJson(name))).toEqual(['beforeBegin', 'hooks', 'logger'])
})
