// Proves that hooks run in order, are awaited, and can neither stop nor hang what they are around.
import { beforeEach, describe, expect, test } from 'vitest'
import { type HookOptions, Hooks, hookSignals, runHooks } from '../../src/api/hooks.js'
import { createStderrLogger } from '../../src/api/logger.js'
import { FakeSystem, settle } from '../fake-system.js'

let system: FakeSystem
let ran: string[]
const note = (what: string) => (): void => void ran.push(what)

beforeEach(() => {
  system = new FakeSystem()
  ran = []
})

function run(hooks: Hooks[], boundMs = 1_000): Promise<void> {
  return runHooks(hooks, 'before', 'SIGHUP', {
    system,
    logger: createStderrLogger(system),
    boundMs,
  })
}

describe('registration', () => {
  test.each(hookSignals)('takes hooks before and after %s', (signal) => {
    const hooks = new Hooks({ before: { [signal]: note('a') }, after: { [signal]: [note('b')] } })
    expect(hooks.registered.map((each) => [each.phase, each.signal])).toEqual([
      ['before', signal],
      ['after', signal],
    ])
  })

  test.each([
    ['an unknown phase', { during: { SIGHUP: note('') } }, "unknown phase 'during'"],
    ['an unknown signal', { before: { SIGKILL: note('') } }, "unknown signal 'SIGKILL'"],
    ['no function', { before: { SIGHUP: 'announce' } }, 'before SIGHUP is not a function'],
    ['no function in a list', { after: { SIGHUP: [note(''), null] } }, 'is not a function'],
    ['a phase without hooks', { before: null }, 'hooks.before is not an object'],
  ])('refuses %s with a typed error', (_, options, message) => {
    expect(() => new Hooks(options as unknown as HookOptions)).toThrow(
      expect.objectContaining({
        code: 'ERR_ENDLESS_INVALID_HOOK',
        message: expect.stringContaining(message) as string,
      }),
    )
  })
})

describe('running', () => {
  test('goes by the order of registration over several servers', async () => {
    const [first, second] = [new Hooks({ before: { SIGHUP: note('1') } }), new Hooks()]
    second.add('before', 'SIGHUP', note('2'))
    first.add('before', 'SIGHUP', note('3'))
    second.add('before', 'SIGHUP', note('4'))
    await run([second, first])
    expect(ran).toEqual(['1', '2', '3', '4'])
  })

  test('leaves the hooks of other phases and signals alone', async () => {
    await run([new Hooks({ before: { SIGTERM: note('a') }, after: { SIGHUP: note('b') } })])
    expect(ran).toEqual([])
  })

  test('waits for an asynchronous hook before it runs the next', async () => {
    let end = (): void => undefined
    const slow = (): Promise<void> => new Promise((resolve) => (end = resolve))
    const done = run([new Hooks({ before: { SIGHUP: [slow, note('next')] } })])
    await settle()
    expect(ran).toEqual([])
    end()
    await done
    expect(ran).toEqual(['next'])
    expect(system.pendingMs).toEqual([])
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('no database')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no database'))],
  ])('logs a hook that %s, and runs the next', async (_, hook) => {
    await run([new Hooks({ before: { SIGHUP: [hook, note('next')] } })])
    expect(ran).toEqual(['next'])
    expect(system.lines.join('')).toContain('The hook before SIGHUP failed: no database')
  })

  test('logs a hook that never ends, and runs the next when the bound is over', async () => {
    const hang = (): Promise<void> => new Promise(() => undefined)
    const done = run([new Hooks({ before: { SIGHUP: [hang, note('next')] } })], 1_000)
    await system.advance(999)
    expect(ran).toEqual([])
    await system.advance(1)
    await done
    expect(ran).toEqual(['next'])
    expect(system.lines.join('')).toContain('The hook before SIGHUP has not ended after 1 s')
  })

  test('logs that it waits for a hook that takes long', async () => {
    let end = (): void => undefined
    const slow = (): Promise<void> => new Promise((resolve) => (end = resolve))
    const done = run([new Hooks({ before: { SIGHUP: slow } })], 60_000)
    await system.advance(5_000)
    end()
    await done
    expect(system.lines).toEqual([
      '[endless 100] waiting for the hook before SIGHUP, at most 55 s\n',
    ])
  })

  test('ignores what a hook rejects with after its time', async () => {
    let fail = (_: Error): void => undefined
    const late = (): Promise<void> => new Promise((_, reject) => (fail = reject))
    const done = run([new Hooks({ before: { SIGHUP: late } })])
    await system.advance(1_000)
    await done
    fail(new Error('too late'))
    await settle()
    expect(system.lines.join('')).not.toContain('too late')
  })
})
