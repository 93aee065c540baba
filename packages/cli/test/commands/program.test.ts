// Proves what `endless run` makes of the words that it is given.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { identityOf, launchOf, namedScript } from '../../src/commands/program.js'
import { Failure } from '../../src/control/failure.js'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'endless-program-'))
})

afterEach(() => {
  rmSync(directory, { recursive: true })
})

test.each([['app.js'], ['app'], ['./app.js'], ['lib']])(
  'a script is started by this node, by the name that it was given: %s',
  (script) => {
    writeFileSync(path.join(directory, 'app.js'), '')
    mkdirSync(path.join(directory, 'lib'))
    writeFileSync(path.join(directory, 'lib', 'index.js'), '')
    const { command, args, cwd } = launchOf([script, '--port', '1'], false, directory)
    expect([command, cwd]).toEqual([process.execPath, directory])
    expect(args.slice(-3)).toEqual([script, '--port', '1'])
  },
)

test('of a command node is this node, and any other is itself', () => {
  const { command, args } = launchOf(['node', '--import', 'tsx', 'app.ts'], true, directory)
  expect([command, ...args.slice(-3)]).toEqual([process.execPath, '--import', 'tsx', 'app.ts'])
  expect(launchOf(['bun', 'app.ts'], true, directory)).toMatchObject({
    command: 'bun',
    args: ['app.ts'],
  })
})

test.each([
  [[], 'nothing to run: name a script'],
  [['none.js'], 'cannot run none.js: there is no such file'],
])('%j is refused: %s', (words, reason) => {
  expect(() => launchOf(words, false, directory)).toThrow(new Failure('misused', reason))
})

test.each([
  [['/srv/current/app.js', '/x'], false, '/srv/current/app.js'],
  [['app.js', '/srv/current/x'], false, ''],
  [['/usr/bin/node', '--import', 'tsx', '/srv/current/app.ts', '/x'], true, '/srv/current/app.ts'],
  [['node', 'app.js'], true, ''],
  [[], false, ''],
])('of %j (a command: %s) the script that may tell of a link is %j', (words, isCommand, script) => {
  expect(namedScript(words, isCommand)).toBe(script)
})

test.each<[string[], boolean, string]>([
  [['app.js', 'x'], false, 'app'],
  [['src/server.mjs'], false, 'server'],
  [['src'], false, 'src'],
  [['node', '--import', 'tsx', 'src/server.mjs', 'app.js'], true, 'server'],
  [['./start.sh', 'app.js'], true, 'start'],
  [['bun', 'run', 'serve'], true, 'bun'],
])('outside of a project %j has the name of its script', (words, isCommand, name) => {
  mkdirSync(path.join(directory, 'src'))
  writeFileSync(path.join(directory, 'app.js'), '')
  writeFileSync(path.join(directory, 'src/server.mjs'), '')
  expect(identityOf(words, isCommand, directory)).toEqual({ name, directory })
})

test('a script has the name of its project, wherever it is started, and a command that of the directory', () => {
  const shop = path.join(directory, 'shop')
  mkdirSync(shop)
  writeFileSync(path.join(shop, 'package.json'), '{ "name": "shop" }')
  const identity = { name: 'shop', directory: shop }
  expect(identityOf(['shop/app.js'], false, directory)).toEqual(identity)
  expect(identityOf(['./start.sh'], true, shop)).toEqual(identity)
})
