// Proves what is suggested for a word that is no command.
import { expect, test } from 'vitest'
import { adviceFor } from '../../src/commands/unknown.js'

test.each([
  ['start', ['app.js', '--port', '1'], 'use endless run app.js --port 1'],
  ['reload', ['shop'], 'use endless restart shop'],
  ['list', [], 'use endless status --all'],
  ['delete', ['shop'], 'use endless stop shop'],
  ['app.js', ['-x'], 'use endless run app.js -x'],
  ['src/app.mts', [], 'use endless run src/app.mts'],
  ['restart', ['app.js'], undefined],
  ['--help', [], undefined],
  ['frobnicate', [], undefined],
])('%s', (word, rest, advice) => {
  expect(adviceFor(word, rest)).toBe(advice)
})
