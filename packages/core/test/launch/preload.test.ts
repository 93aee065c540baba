// Proves that the preload, which imports nothing, says the same as protocol.ts, and is in the build.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { longestReport } from '../../src/handoff/error-report.js'
import { keptChars } from '../../src/handoff/last-words.js'
import {
  entryVariable,
  inheritanceKey,
  protocolVersion,
  strangerKey,
} from '../../src/handoff/protocol.js'
import { command } from '../../src/line/channel.js'
import { registerKey } from '../../src/node/register-record.js'
import { startKey } from '../../src/node/start-arguments.js'

const source = readFileSync(new URL('../../src/launch/preload.ts', import.meta.url), 'utf8')
const registerSource = readFileSync(new URL('../../src/register.cts', import.meta.url), 'utf8')

/** The initial value of a constant of a preload, as it is written there. */
function constant(name: string, text = source): string | undefined {
  return new RegExp(`^const ${name} = (.*)$`, 'm').exec(text)?.[1]
}

async function built(): Promise<{ preloadText: string }> {
  const file = new URL('../../dist/launch/preload-text.js', import.meta.url)
  return (await import(file.href)) as { preloadText: string }
}

test('its constants are those of the protocol', () => {
  expect(constant('protocolVersion')).toBe(String(protocolVersion))
  expect(constant('command')).toBe(`'${command}'`)
  expect(constant('keptChars')?.replace('_', '')).toBe(String(keptChars))
  expect(Number(constant('longestReport')?.replace('_', ''))).toBe(longestReport)
  expect(constant('entryVariable')).toBe(`'${entryVariable}'`)
  for (const [name, key] of Object.entries({ inheritanceKey, strangerKey, startKey })) {
    expect(constant(name)).toBe(`Symbol.for('${String(key.description)}')`)
  }
  for (const [name, key] of Object.entries({ recordKey: registerKey, startKey })) {
    expect(constant(name, registerSource)).toBe(`Symbol.for('${String(key.description)}')`)
  }
  expect(registerSource).toContain(`process.env['${entryVariable}']`)
})

test('its messages are internal ones of Node, which no application is shown', () => {
  expect(command.startsWith('NODE_')).toBe(true)
})

test('it imports types, Node, and one file that is put into it, as it is also run from memory', async () => {
  const imports = [...source.matchAll(/^import (type )?.*from '(.*)'$/gm)]
  const values = imports.filter(([, isType]) => isType === undefined).map(([, , from]) => from)
  const others = values.filter((from) => !from?.startsWith('node:'))
  expect(others).toEqual(['../node/internals/channel-reading.js'])
  expect(source).not.toContain('import(')
  const file = new URL('../../src/node/internals/channel-reading.ts', import.meta.url)
  expect(readFileSync(file, 'utf8')).not.toMatch(/^import|import\(/m)
  const { preloadText } = await built()
  expect([...preloadText.matchAll(/require\("(?!node:)/g)]).toEqual([])
})

test('its text is a part of the build, as a file and as a string', async () => {
  const file = new URL('../../dist/launch/preload.cjs', import.meta.url)
  const { preloadText } = await built()
  expect(readFileSync(file, 'utf8')).toBe(preloadText)
  expect(preloadText).toContain('preload(__filename)')
})
