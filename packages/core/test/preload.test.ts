// Proves that the preload, which imports nothing, says the same as protocol.ts, and how it is named.
import { copyFileSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { command, inheritanceKey, protocolVersion } from '../src/handoff/protocol.js'

const source = readFileSync(new URL('../src/handoff/preload.ts', import.meta.url), 'utf8')

/** The initial value of a constant of the preload, as it is written there. */
function constant(name: string): string | undefined {
  return new RegExp(`^const ${name} = (.*)$`, 'm').exec(source)?.[1]
}

test('its constants are those of the protocol', () => {
  expect(constant('protocolVersion')).toBe(String(protocolVersion))
  expect(constant('command')).toBe(`'${command}'`)
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

test('it is named by its file, and carried in the URL itself once that has been deleted', async () => {
  const release = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'endless-')))
  onTestFinished(() => {
    rmSync(release, { recursive: true, force: true })
  })
  const [preload, url] = ['preload.js', 'preload-url.js'].map((name) => {
    const copy = path.join(release, name)
    copyFileSync(new URL(`../dist/handoff/${name}`, import.meta.url), copy)
    return pathToFileURL(copy).href
  })
  const text = readFileSync(path.join(release, 'preload.js'), 'utf8')
  const { preloadUrl } = (await import(url!)) as { preloadUrl: (parentPid: number) => string }
  expect(preloadUrl(100)).toBe(`${preload!}#100`)
  rmSync(release, { recursive: true })
  expect(preloadUrl(100)).toBe(`data:text/javascript,${encodeURIComponent(text)}#100`)
})
