// Proves which address a text says to be in use.
import { expect, test } from 'vitest'
import { takenAddressIn } from '../../src/handoff/taken-address.js'

test.each([
  ['Error: listen EADDRINUSE: address already in use :::3000', { kind: 'tcp', port: 3000 }],
  [
    'listen EADDRINUSE: address already in use 127.0.0.1:80 (/srv/app.js:3:7)',
    { kind: 'tcp', port: 80 },
  ],
  ['bind EADDRINUSE 0.0.0.0:8125', { kind: 'udp', port: 8125 }],
  [
    'resolved errors: [listen EADDRINUSE: address already in use 127.0.0.1:9464]',
    { kind: 'tcp', port: 9464 },
  ],
  ['listen EADDRINUSE: address already in use /run/app.sock', { path: '/run/app.sock' }],
  ['Port 3000 is already in use.', { kind: undefined, port: 3000 }],
  ['Something is already running on port 3000.', { kind: undefined, port: 3000 }],
  ['The port 3000 is not available', { kind: undefined, port: 3000 }],
  ['EADDRINUSE', undefined],
  ['cannot reach port 3000 of the database', undefined],
  ['', undefined],
])('%s', (text, expected) => {
  expect(takenAddressIn(text)).toEqual(expected)
})
