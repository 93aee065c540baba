// Proves where an error is said to have come from, by its stack as Node 20 to 26 write it.
import { expect, test } from 'vitest'
import { placeOf } from '../../src/handoff/error-report.js'

const stackOf = (...frames: string[]): string =>
  ['Error: a', '/not/a/place:1:1', ...frames.map((frame) => `    at ${frame}`)].join('\n')

test.each([
  ['a function', stackOf('main (/srv/app/app.js:3:7)'), '/srv/app/app.js:3:7'],
  ['a module', stackOf('file:///srv/app/app.js:3:7'), '/srv/app/app.js:3:7'],
  ['an async function', stackOf('async main (file:///srv/app/app.js:3:7)'), '/srv/app/app.js:3:7'],
  ['an async module', stackOf('async file:///srv/app/app.js:3:7'), '/srv/app/app.js:3:7'],
  ['a method', stackOf('new Foo [as bar] (/srv/app/app.js:3:7)'), '/srv/app/app.js:3:7'],
  [
    'a path with blanks',
    stackOf('main (file:///srv/my%20app/app.js:3:7)'),
    '/srv/my app/app.js:3:7',
  ],
  ['an address with a query', stackOf('file:///srv/app/app.js?1:3:7'), '/srv/app/app.js:3:7'],
  [
    'the first frame outside of Node',
    stackOf('wrapSafe (node:internal/modules/cjs/loader:1:1)', '/srv/a.js:1:1', '/srv/b.js:1:1'),
    '/srv/a.js:1:1',
  ],
  [
    'the first frame outside of endless',
    stackOf(
      'Server.listen (node:net:2067:7)',
      'Listening.begin (file:///srv/node_modules/@endless/core/dist/listeners/listening.js:7:2)',
      'file:///srv/app.js:1:1',
    ),
    '/srv/app.js:1:1',
  ],
  [
    'a syntax error',
    '/srv/app/b.cjs:2\nconst b = = 2\n          ^\n\nSyntaxError: no\n    at /srv/app/a.js:1:1',
    '/srv/app/b.cjs:2',
  ],
  [
    'an import that is not there',
    "file:///srv/app/app.js:1\nimport { x } from 'y'\n         ^\nSyntaxError: no",
    '/srv/app/app.js:1',
  ],
])('of %s', (_, stack, place) => {
  expect(placeOf(stack)).toBe(place)
})

test.each([
  ['is not there', undefined],
  ['is empty', ''],
  ['is no text', [{}]],
  ['has frames of Node alone', stackOf('packageResolve (node:internal/modules/esm/resolve:8:9)')],
  ['has a place too long for a line', stackOf(`/${'a'.repeat(200)}.js:1:1`)],
  ['has text without a place', 'Error: at (/srv/app.js)\n    at <anonymous>'],
])('none if the stack %s', (_, stack) => {
  expect(placeOf(stack)).toBe(undefined)
})

test('of an error that was just thrown', () => {
  expect(placeOf(new Error('here').stack)).toMatch(/\/error-report\.test\.ts:\d+:\d+$/)
})
