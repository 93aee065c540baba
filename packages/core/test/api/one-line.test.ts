// Proves that no text of others can forge a line, move a terminal's cursor or turn a line around, and that
// what it says is still read.
import { expect, test } from 'vitest'
import { oneLine, printableJson } from '../../src/api/one-line.js'

test.each([
  ['plain text, with ünïcode 🙂 and \\ "quotes"', 'plain text, with ünïcode 🙂 and \\ "quotes"'],
  ['two\nlines\r\n\tand a tab', 'two\\nlines\\r\\n\\tand a tab'],
  ['\x1b[2J\x1b]0;owned\x07', '\\x1b[2J\\x1b]0;owned\\x07'],
  ['\0\b\x7f', '\\x00\\x08\\x7f'],
  ['\x9b31m\x85', '\\x9b31m\\x85'],
  ['a\u2028b\u2029c', 'a\\u2028b\\u2029c'],
  ['\u202egnp.exe\u2066\u061c', '\\u202egnp.exe\\u2066\\u061c'],
  ['half \ud83d a pair \udc00', 'half \\ud83d a pair \\udc00'],
])('%j is printed as %j', (text, line) => {
  expect(oneLine(text)).toBe(line)
  expect(oneLine(line)).toBe(line)
})

test('no character that is left is a control character, for each there is', () => {
  const all = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code)).join('')
  const line = oneLine(all, Infinity)
  expect(line).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u)
  expect(line.split('\n')).toHaveLength(1)
})

test('a long text is cut, at its end, and not within a character', () => {
  const line = oneLine(`reason: ${'x'.repeat(1_000_000)}`)
  expect(line).toHaveLength(2_000)
  expect(line).toMatch(/^reason: x+…$/)
  expect(oneLine(line)).toBe(line)
  expect(oneLine('\n'.repeat(2_000))).toHaveLength(2_000)
  expect(oneLine('12345', 5)).toBe('12345')
  expect(oneLine('🙂🙂🙂', 4)).toBe('🙂…')
})

test('JSON is still the same JSON, and safe to print', () => {
  const value = { text: 'a\nb\x1b\x7f\x9b\u2028\u202e\ud83d🙂', list: [1, null] }
  for (const indent of [undefined, 2]) {
    const text = printableJson(value, indent)
    expect(JSON.parse(text)).toEqual(value)
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Bidi_Control}]/u)
  }
  expect(printableJson({ a: 1 })).toBe('{"a":1}')
})
