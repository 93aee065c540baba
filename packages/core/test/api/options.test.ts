// Proves which options are taken and which are refused, that two servers cannot disagree about the
// process, and that the types' docs and docs/options.md say the defaults that the code has.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { defaults } from '../../src/api/defaults.js'
import { hookSignals } from '../../src/api/hooks.js'
import { mergeProcessOptions, parseOptions } from '../../src/api/option-checks.js'
import { defaultTexts, optionText } from '../../src/api/option-texts.js'
import {
  defaultTicketRotationMs,
  type EndlessOptions,
  processDefaults,
  type ProcessOptions,
} from '../../src/api/options.js'

const nothing = (): void => undefined
const logger = { info: nothing, warn: nothing, error: nothing }

const longest = 2_147_483_647
const durations = ['idleGraceMs', 'readTimeoutMs', 'writeTimeoutMs', 'readyTimeoutMs']
  .concat('unclaimedGraceMs', 'shutdownDelayMs', 'ticketRotationMs')
  .map((name) => [name, [0, 1.5, longest], [-1, NaN, Infinity, longest + 1, '5', null]] as const)

const table: readonly (readonly [string, readonly unknown[], readonly unknown[]])[] = [
  ...durations,
  ['hammerTimeMs', [0, -1, -Infinity, longest], [NaN, Infinity, longest + 1, '5', null]],
  ['probationMs', [0, -1, 1.5, longest], [NaN, Infinity, longest + 1, '60s', null]],
  ['maxGenerations', [2, 100], [1, 0, -1, 2.5, NaN, Infinity, '5', null]],
  ['maxHeaderBytes', [1, 65_536], [0, -1, 1.5, NaN, Infinity, '1', null]],
  ['migrateConnections', [true, false, () => true], [null, 'no', 1]],
  ['socketMode', [0, 0o660, 0o777], [0o1000, -1, 1.5, NaN, '660', null]],
  [
    'socketOwner',
    [{}, { uid: 0 }, { gid: 33 }, { uid: 33, gid: 33 }],
    [{ uid: -1 }, { gid: 2 ** 32 }, { group: 33 }, { uid: 'www-data' }, 33, 'www-data', null],
  ],
  ['hooks', [{}, { before: {} }], [null, 'SIGHUP', nothing]],
  ['beforeBegin', [nothing], [null, 'log', {}]],
  [
    'warmUp',
    [[], ['/', '/health?deep=1'], () => undefined],
    ['/', [''], ['/', 'health'], true, null],
  ],
  ['requireWarmUp', [true, false], [1, 'yes', null]],
  ['readyProbe', ['/', '/health?deep=1'], ['', 'health', '/a b', true, null]],
  ['otherSignalListeners', ['call', 'hold'], ['off', true, null]],
  ['ready', ['listening', 'manual'], ['LISTENING', true, null]],
  ['allowAddressChange', [true, false], [0, 'yes', null]],
  ['pidFile', ['app.pid', '/run/app.pid'], ['', 1, null]],
  ['control', ['app.sock', '/run/app.sock'], ['', 1, null]],
  ['signals', [[], ['SIGHUP'], [...hookSignals]], [['SIGKILL'], 'SIGHUP', [1], null]],
  [
    'successor',
    [{}, { command: 'node', args: [], cwd: '/', env: {} }],
    [{ argv: [] }, 'node', null],
  ],
  ['exit', [true, false], [0, 'no', null]],
  ['logger', [logger, console], [{}, { ...logger, warn: undefined }, nothing, null, 'stderr']],
]

function refusal(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('nothing was refused')
}

describe.each(table)('%s', (name, good, bad) => {
  test.each(good.map((value) => [value]))('takes %s', (value) => {
    const parsed = parseOptions({ [name]: value })
    expect({ ...parsed.server, ...parsed.process }).toEqual({ [name]: value })
  })

  test.each(bad.map((value) => [value]))(
    'refuses %s, by its name and with what is expected',
    (value) => {
      expect(refusal(() => parseOptions({ [name]: value }))).toMatchObject({
        code: 'ERR_ENDLESS_INVALID_OPTION',
        message: expect.stringMatching(`^The option '${name}' is .+: expected .+\\.$`) as string,
      })
    },
  )

  test('counts as not given when it is undefined', () => {
    expect(parseOptions({ [name]: undefined })).toEqual({
      server: {},
      process: {},
    })
  })
})

const unknownOption = refusal(() => parseOptions({ port: 1 } as EndlessOptions)) as Error
/** The options that there are, as the code says them itself. */
const names = /the options are (.*)\.$/.exec(unknownOption.message)?.[1]?.split(', ') ?? []

test('every option is in the table above', () => {
  expect(table.map(([name]) => name).sort()).toEqual(names)
})

test.each(['hammerTime', 'toString', 'constructor', '__proto__'])(
  'an unknown option %s is refused',
  (name) => {
    const options = JSON.parse(`{ "${name}": 1 }`) as EndlessOptions
    expect(() => parseOptions(options)).toThrow(
      expect.objectContaining({
        code: 'ERR_ENDLESS_INVALID_OPTION',
        message: expect.stringContaining(`Unknown option '${name}'`) as string,
      }),
    )
  },
)

test.each([null, 3000, 'app.pid'])('options that are %j are refused', (options) => {
  expect(() => parseOptions(options as unknown as EndlessOptions)).toThrow(
    expect.objectContaining({ code: 'ERR_ENDLESS_INVALID_OPTION' }),
  )
})

test('options are parted into those of the server and those of the process', () => {
  const options: EndlessOptions = { hammerTimeMs: 1, exit: false, idleGraceMs: 2, ready: 'manual' }
  expect(parseOptions(options)).toEqual({
    server: { hammerTimeMs: 1, idleGraceMs: 2 },
    process: { exit: false, ready: 'manual' },
  })
})

test("the caller's options are left as they are", () => {
  const options = Object.freeze({ hammerTimeMs: 1, exit: false, pidFile: undefined })
  parseOptions(options as unknown as EndlessOptions)
  expect(options).toEqual({ hammerTimeMs: 1, exit: false, pidFile: undefined })
})

describe('what two servers say of one process', () => {
  const cases: [string, ProcessOptions, ProcessOptions][] = [
    ['readyTimeoutMs', { readyTimeoutMs: 1 }, { readyTimeoutMs: 2 }],
    ['ready', { ready: 'manual' }, { ready: 'listening' }],
    ['unclaimedGraceMs', { unclaimedGraceMs: 1 }, { unclaimedGraceMs: 2 }],
    ['allowAddressChange', { allowAddressChange: true }, { allowAddressChange: false }],
    ['probationMs', { probationMs: 60_000 }, { probationMs: 0 }],
    ['shutdownDelayMs', { shutdownDelayMs: 1 }, { shutdownDelayMs: 2 }],
    ['pidFile', { pidFile: 'a' }, { pidFile: 'b' }],
    ['control', { control: 'a' }, { control: 'b' }],
    ['signals', { signals: ['SIGHUP'] }, { signals: ['SIGTERM'] }],
    ['maxGenerations', { maxGenerations: 3 }, { maxGenerations: 4 }],
    ['otherSignalListeners', { otherSignalListeners: 'call' }, { otherSignalListeners: 'hold' }],
    ['successor', { successor: { cwd: '/a' } }, { successor: { cwd: '/b' } }],
    ['exit', { exit: true }, { exit: false }],
    ['logger', { logger }, { logger: { ...logger } }],
  ]

  test.each(cases)('%s: two values are a conflict that names the option', (name, a, b) => {
    expect(refusal(() => mergeProcessOptions(a, b))).toMatchObject({
      code: 'ERR_ENDLESS_OPTION_CONFLICT',
      message: expect.stringContaining(`The option '${name}'`) as string,
    })
  })

  test.each(cases)('%s: the same twice is no conflict', (_, a) => {
    expect(mergeProcessOptions(a, a)).toEqual(a)
  })

  test('lists and objects are the same when they say the same', () => {
    const say = (): ProcessOptions => ({
      signals: ['SIGHUP', 'SIGTERM'],
      successor: { args: ['a'], env: { A: '1' } },
    })
    expect(mergeProcessOptions(say(), say())).toEqual(say())
  })

  test('each adds what the other has not said', () => {
    expect(mergeProcessOptions({ exit: false }, { ready: 'manual' })).toEqual({
      exit: false,
      ready: 'manual',
    })
  })

  test('every option of the process is compared', () => {
    const isOfProcess = (name: string): boolean =>
      name in parseOptions({ [name]: table.find(([each]) => each === name)?.[1][0] }).process
    expect(cases.map(([name]) => name).sort()).toEqual(names.filter(isOfProcess))
  })
})

test('a default as text is the one of the code', () => {
  expect(Object.keys(defaultTexts).sort()).toEqual(names)
  const inCode = { ...processDefaults, ticketRotationMs: defaultTicketRotationMs }
  const isShort = (value: unknown): boolean => ['number', 'boolean'].includes(typeof value)
  for (const [name, value] of Object.entries(inCode).filter(([, value]) => isShort(value))) {
    expect(defaultTexts[name as keyof EndlessOptions]).toBe(JSON.stringify(value))
  }
  expect(defaultTexts.hammerTimeMs).toBe(String(defaults.hammerTimeMs))
})

test.each([
  ['socketMode', 0o60, '0060'],
  ['successor', { env: { SECRET: 'x' } }, 'an object'],
  ['signals', ['SIGHUP'], '[SIGHUP]'],
  ['pidFile', 'x'.repeat(2_000), `'${'x'.repeat(999)}`],
])('the value of %s as text tells what people may see: %j', (name, value, text) => {
  expect(optionText(name, value)).toBe(text)
})

describe('the documented default is the one of the code:', () => {
  const read = (file: string): string => readFileSync(new URL(file, import.meta.url), 'utf8')
  const types = read('../../src/api/options.ts')
  const docs = read('../../../../docs/options.md')

  /** What the code goes by; `undefined` where the default is Node's, or nothing. */
  const inCode: Record<string, unknown> = {
    ...defaults,
    ...processDefaults,
    ticketRotationMs: defaultTicketRotationMs,
  }

  /** How each place writes it; where the code has no value to hold it to, what all of them say. */
  function written(name: string): { inTypes: string; inDocs: string } {
    const value = inCode[name]
    if (typeof value === 'number') {
      const grouped = (by: string): string => String(value).replace(/\B(?=(\d{3})+$)/g, by)
      return { inTypes: grouped('_'), inDocs: grouped(' ') }
    }
    if (name === 'signals') return { inTypes: 'the six', inDocs: 'the six' }
    if (typeof value === 'string') return { inTypes: `'${value}'`, inDocs: `'${value}'` }
    if (typeof value === 'boolean') return { inTypes: String(value), inDocs: String(value) }
    const texts: Record<string, [string, string]> = {
      idleGraceMs: ['keepAliveTimeout', 'keepAliveTimeout'],
      readTimeoutMs: ["Node's", "Node's"],
      writeTimeoutMs: ['no limit', "Node's own"],
      maxHeaderBytes: ["Node's", "Node's"],
      migrateConnections: ['true', 'true'],
      socketMode: ['what the umask', 'the umask'],
      socketOwner: ['user and group of the process', 'the process'],
      hooks: ['none', 'none'],
      beforeBegin: ['none', 'none'],
      readyProbe: ['none', 'none'],
      warmUp: ['none', 'none'],
      requireWarmUp: ['false', '`false`'],
      pidFile: ['none', 'none'],
      control: ['`<pidFile>.sock`', '`<pidFile>.sock`'],
      successor: ['how this process was started', 'as this process'],
      logger: ['standard error', 'stderr'],
    }
    const [inTypes, inDocs] = texts[name] ?? ['undocumented', 'undocumented']
    return { inTypes, inDocs }
  }

  test.each(names)('%s', (name) => {
    const { inTypes, inDocs } = written(name)
    const docstring = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s+${name}\\?:`).exec(types)?.[1]
    expect(docstring).toContain(inTypes)
    const section = new RegExp(`^### \`${name}\`$\\n+(Default: .*)$`, 'm').exec(docs)?.[1]
    expect(section).toContain(inDocs)
  })

  test('docs/options.md has a section for each option, and no other', () => {
    const sections = [...docs.matchAll(/^### `(\w+)`$/gm)].map(([, name]) => name)
    expect(sections.sort()).toEqual(names)
  })
})
