// Proves what a process is started with so that it comes in, and that nothing of it is left once it has.
import { describe, expect, test } from 'vitest'
import { renumbered, withEntry } from '../../src/launch/entry.js'
import { takeEntry } from '../../src/launch/preload.js'

const facts = { parent: 100, generation: 2, isSupervised: false, orphaned: 'ask' as const }
const launch = { command: '/usr/bin/node', args: ['app.js'], cwd: '/srv', env: { A: '1' } }
const preload = '/tmp/endless "1"/preload.cjs'

test.each<[string, boolean, string | undefined, string[], string | undefined]>([
  ['among the arguments of Node', true, undefined, ['--require', preload], undefined],
  [
    'in front of the options that are in the environment',
    true,
    '--require agent',
    [],
    '--require "/tmp/endless \\"1\\"/preload.cjs" --require agent',
  ],
  [
    'in the environment of any other command',
    false,
    undefined,
    [],
    '--require "/tmp/endless \\"1\\"/preload.cjs"',
  ],
])('the preload stands %s', (_, isNode, given, args, options) => {
  const env = { ...launch.env, ...(given !== undefined && { NODE_OPTIONS: given }) }
  const entered = withEntry({ ...launch, env }, { ...facts, preload, isNode })
  expect(entered).toMatchObject({ command: launch.command, cwd: '/srv' })
  expect(entered.args).toEqual([...args, 'app.js'])
  expect(entered.env['NODE_OPTIONS']).toBe(options)
  const entry = takeEntry(entered.env)
  expect(entry).toMatchObject({ ...facts, directory: '/srv', preload })
  expect(entry?.execArgv.flat()).toEqual(args)
  expect(entered.env).toEqual(env)
})

test('without a preload, only the variable is added', () => {
  const { args, env } = withEntry(launch, {
    ...facts,
    preload: undefined,
    isNode: true,
    hidden: ['--inspect-port=0'],
  })
  expect(args).toEqual(['app.js'])
  expect(takeEntry(env)).toMatchObject({ execArgv: [['--inspect-port=0']] })
  expect(env).toEqual({ A: '1' })
})

test('a replacement has another number than the one that it replaces', () => {
  const { env } = withEntry(launch, { ...facts, preload, isNode: true })
  expect(takeEntry(renumbered(env, 9))).toMatchObject({ ...facts, generation: 9 })
  expect(renumbered({ A: '1' }, 9)).toEqual({ A: '1' })
})

describe('what somebody else has set', () => {
  test.each(['1', 'true', '{}', '{', 'null', '[]'])('is left alone: %s', (text) => {
    const environment = { NODE_ENDLESS: text, NODE_OPTIONS: '--require x' }
    expect(takeEntry(environment)).toBeUndefined()
    expect(environment).toEqual({ NODE_ENDLESS: text, NODE_OPTIONS: '--require x' })
  })

  test('in NODE_OPTIONS since is left alone, too', () => {
    const { env } = withEntry(launch, { ...facts, preload, isNode: false })
    env['NODE_OPTIONS'] = '--require other'
    takeEntry(env)
    expect(env['NODE_OPTIONS']).toBe('--require other')
  })
})
