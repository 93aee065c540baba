// Proves that the preload, which imports nothing, says the same as protocol.ts, and how it is named.
import { copyFileSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { longestReport } from '../../src/handoff/error-report.js'
import { keptChars } from '../../src/handoff/last-words.js'
import { inheritanceKey, protocolVersion } from '../../src/handoff/protocol.js'
import { hidePreload, withPreload } from '../../src/launch/node-options.js'
import { command } from '../../src/line/channel.js'

const source = readFileSync(new URL('../../src/launch/preload.ts', import.meta.url), 'utf8')

/** The initial value of a constant of the preload, as it is written there. */
function constant(name: string): string | undefined {
  return new RegExp(`^const ${name} = (.*)$`, 'm').exec(source)?.[1]
}

test('its constants are those of the protocol', () => {
  expect(constant('protocolVersion')).toBe(String(protocolVersion))
  expect(constant('command')).toBe(`'${command}'`)
  expect(constant('keptChars')?.replace('_', '')).toBe(String(keptChars))
  expect(Number(constant('longestReport')?.replace('_', ''))).toBe(longestReport)
  expect(constant('inheritanceKey')).toBe(`Symbol.for('${String(inheritanceKey.description)}')`)
})

test('its messages are internal ones of Node, which no application is shown', () => {
  expect(command.startsWith('NODE_')).toBe(true)
})

test('it imports types and Node alone, as it is also run from memory', () => {
  const imports = [...source.matchAll(/^import (type )?.*from '(.*)'$/gm)]
  const values = imports.filter(([, isType]) => isType === undefined).map(([, , from]) => from)
  expect(values.every((from) => from?.startsWith('node:'))).toBe(true)
  expect(source).not.toContain('import(')
})

test('it is passed on as its text, so that the release it came from may be deleted', async () => {
  const release = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'endless-')))
  onTestFinished(() => {
    rmSync(release, { recursive: true, force: true })
  })
  for (const name of ['preload.js', 'preload-url.js']) {
    copyFileSync(new URL(`../../dist/launch/${name}`, import.meta.url), path.join(release, name))
  }
  const text = readFileSync(path.join(release, 'preload.js'), 'utf8')
  const { preloadUrl } = (await import(
    pathToFileURL(path.join(release, 'preload-url.js')).href
  )) as { preloadUrl: (parentPid: number) => string }
  rmSync(release, { recursive: true })
  expect(preloadUrl(100)).toBe(`data:text/javascript,${encodeURIComponent(text)}#100,serve`)
})

describe('in NODE_OPTIONS', () => {
  const preload = 'data:text/javascript,await%201#100,serve'

  test.each([
    ['alone', undefined, `--import ${preload}`],
    ['in front of what is there', '--trace-warnings', `--import ${preload} --trace-warnings`],
  ])('it stands %s, and is taken out again', (_, given, expected) => {
    const environment = { A: '1', ...(given !== undefined && { NODE_OPTIONS: given }) }
    const added = withPreload(environment, preload)
    expect(added).toEqual({ A: '1', NODE_OPTIONS: expected })
    hidePreload(added)
    expect(added).toEqual(environment)
  })

  test('what somebody else has there is left alone', () => {
    const environment = { NODE_OPTIONS: '--import data:text/javascript,1' }
    hidePreload(environment)
    expect(environment).toEqual({ NODE_OPTIONS: '--import data:text/javascript,1' })
  })

  test('nothing is left alone too', () => {
    const environment = {}
    hidePreload(environment)
    expect(environment).toEqual({})
  })
})
