// Proves that each part of the guard over the layout of the code catches a planted breach, and nothing else.
import { cruise, type IConfiguration, type ICruiseResult } from 'dependency-cruiser'
import { ESLint, type Linter } from 'eslint'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'

// They are JavaScript, and have no declarations.
const load = (file: string): Promise<unknown> => import(new URL(file, import.meta.url).href)
const { default: layers } = (await load('../../.dependency-cruiser.js')) as {
  default: IConfiguration
}
const { classFiles } = (await load('../../lint/class-files.js')) as { classFiles: Linter.Config }
const { nodeNames } = (await load('../../lint/node-names.js')) as { nodeNames: Linter.Config[] }

const core = 'packages/core/src'

/** Returns the rules that files with these texts break, as `npm run lint` checks them. */
async function brokenRules(files: Record<string, string>): Promise<string[]> {
  const root = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'endless-guard-')))
  onTestFinished(() => {
    rmSync(root, { recursive: true })
  })
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true })
    writeFileSync(path.join(root, name), text)
  }
  if (files['packages/core/package.json'] !== undefined) {
    mkdirSync(path.join(root, 'node_modules/@endless'), { recursive: true })
    symlinkSync(path.join(root, 'packages/core'), path.join(root, 'node_modules/@endless/core'))
  }
  const { forbidden = [], options = {} } = layers
  const { enhancedResolveOptions, ...rest } = options
  const { output } = await cruise(
    ['packages'],
    { ...rest, baseDir: root, validate: true, ruleSet: { forbidden } },
    enhancedResolveOptions ?? {},
  )
  const { violations } = (output as ICruiseResult).summary
  return [...new Set(violations.map(({ rule }) => rule.name))].sort()
}

describe('imports', () => {
  test('downwards and within a folder are allowed, at the root too', async () => {
    const files = {
      [`${core}/node/system.ts`]: 'export const a = 1',
      [`${core}/line/channel.ts`]: "import { a } from '../node/system.js'\nexport const b = a",
      [`${core}/line/confirmed.ts`]: "import { b } from './channel.js'\nexport const c = b",
      [`${core}/process/parts/parts.ts`]:
        "import { c } from '../../line/confirmed.js'\nexport const d = c",
      [`${core}/process/runtime.ts`]: "import { d } from './parts/parts.js'\nexport const e = d",
      [`${core}/index.ts`]: "export { e } from './process/runtime.js'",
    }
    expect(await brokenRules(files)).toEqual([])
  })

  test.each([
    ['line', 'process', 'runtime', '../process/runtime.js'],
    ['listeners', 'handoff', 'protocol', '../handoff/protocol.js'],
    ['process/parts', 'process', 'host', '../host.js'],
  ])('from %s up to %s are refused, of types too', async (from, to, file, specifier) => {
    const files = {
      [`${core}/${from}/planted.ts`]: `import type { A } from '${specifier}'\nexport type B = A`,
      [`${core}/${to}/${file}.ts`]: 'export type A = 1',
    }
    expect(await brokenRules(files)).toEqual([`core/${from}-imports-nothing-above`])
  })

  test('of a file at the root are refused in every folder', async () => {
    const files = {
      [`${core}/process/planted.ts`]: "export { a } from '../endless.js'",
      [`${core}/endless.ts`]: 'export const a = 1',
    }
    expect(await brokenRules(files)).toEqual(['core/process-imports-nothing-above'])
  })

  test('in a circle are refused, inside a folder and of types too', async () => {
    const files = {
      [`${core}/line/channel.ts`]: "import type { B } from './confirmed.js'\nexport type A = B",
      [`${core}/line/confirmed.ts`]: "import type { A } from './channel.js'\nexport type B = A | 1",
    }
    expect(await brokenRules(files)).toEqual(['no-circle'])
  })

  test('in a circle are refused in every package', async () => {
    const files = {
      'packages/fastify/src/a.ts': "import type { B } from './b.js'\nexport type A = B",
      'packages/fastify/src/b.ts': "import type { A } from './a.js'\nexport type B = A | 1",
    }
    expect(await brokenRules(files)).toEqual(['no-circle'])
  })

  test('of the internal entries of core are for the command alone', async () => {
    const files = {
      'packages/core/package.json': JSON.stringify({
        name: '@endless/core',
        exports: { './for-cli': './dist/for-cli.js' },
      }),
      'packages/core/dist/for-cli.js': 'export const a = 1',
      'packages/cli/src/main.ts': "export { a } from '@endless/core/for-cli'",
    }
    expect(await brokenRules(files)).toEqual([])
    const planted = { 'packages/koa/src/index.ts': "export { a } from '@endless/core/for-cli'" }
    expect(await brokenRules({ ...files, ...planted })).toEqual(['for-the-cli-alone'])
  })

  test('between the sources of two packages are refused', async () => {
    const files = {
      'packages/koa/src/index.ts': "export { a } from '../../express/src/index.js'",
      'packages/express/src/index.ts': 'export const a = 1',
    }
    expect(await brokenRules(files)).toEqual(['packages-do-not-reach-into-each-other'])
  })
})

describe('places', () => {
  test('at the root of core are for its faces', async () => {
    const files = {
      [`${core}/planted.ts`]: "export { a } from './node/system.js'",
      [`${core}/node/system.ts`]: 'export const a = 1',
    }
    expect(await brokenRules(files)).toEqual(['only-faces-at-the-root'])
  })

  test('in a folder that has no layer are refused', async () => {
    const files = {
      [`${core}/utils/planted.ts`]: "export { a } from '../node/system.js'",
      [`${core}/node/system.ts`]: 'export const a = 1',
    }
    expect(await brokenRules(files)).toEqual(['every-folder-has-a-place'])
  })
})

/** Returns what the rules of lint/ complain about in a file with this text. */
async function complaints(file: string, text: string): Promise<string[]> {
  const eslint = new ESLint({
    overrideConfigFile: true,
    overrideConfig: [...nodeNames, classFiles],
  })
  const [result] = await eslint.lintText(text, { filePath: file })
  return result!.messages.map(({ message }) => message)
}

const isUndocumented = expect.stringContaining('Node does not document this name') as string

describe('undocumented names of Node', () => {
  test.each([
    ['a property', 'export const a = (socket: any) => socket._handle'],
    ['a property by its text', "export const a = (socket: any) => socket['_parent']"],
    ['a name that is taken apart', 'export const a = ({ _handle }: any) => _handle'],
    ['a type', 'export interface A { _connections: number }'],
    ['a method', 'export interface A { _emitCloseIfDrained(): void }'],
    ['a name without an underscore', 'export const a = (handle: any) => handle.onconnection'],
    ['the parser of a socket', 'export const a = (socket: any) => socket.parser'],
    ['the parser of a socket, asked for', "export const a = (socket: any) => 'parser' in socket"],
    [
      'an option that is read back',
      'export const a = (server: any) => server.connectionsCheckingInterval',
    ],
  ])('are refused: %s', async (_, text) => {
    expect(await complaints(`${core}/connections/planted.ts`, text)).toEqual([isUndocumented])
    expect(await complaints(`${core}/node/system.ts`, text)).toEqual([isUndocumented])
  })

  test.each(['node/internals/planted.ts', 'launch/preload.ts'])('are for %s', async (file) => {
    const text = 'export const a = (socket: any) => socket._handle'
    expect(await complaints(`${core}/${file}`, text)).toEqual([])
  })

  test('are not the documented option, nor a parameter that is not used', async () => {
    const text = 'export const a = (_request: any) => ({ connectionsCheckingInterval: 1_000 })'
    expect(await complaints(`${core}/control/planted.ts`, text)).toEqual([])
  })
})

test('the process is for node/system.ts', async () => {
  const text = 'export const a = process.pid'
  expect(await complaints(`${core}/process/planted.ts`, text)).toEqual([
    'Take it from node/system.ts.',
  ])
  expect(await complaints(`${core}/node/system.ts`, text)).toEqual([])
})

describe('an exported class', () => {
  const text = 'export class Successor {}'

  test('has a file of its name', async () => {
    expect(await complaints(`${core}/handoff/successor.ts`, text)).toEqual([])
    expect(await complaints(`${core}/handoff/predecessor.ts`, text)).toEqual([
      "A file that exports class Successor is called 'successor.ts'.",
    ])
  })

  test('has its file for itself', async () => {
    const two = `${text}\nexport class Predecessor {}`
    expect(await complaints(`${core}/handoff/successor.ts`, two)).toEqual([
      'This file exports 2 classes: give each a file of its own.',
    ])
  })
})
