// Proves what a generation of another user cannot have its successor do, which begins with the rights of the supervisor.
import { expect, test } from 'vitest'
import { otherUserOf } from '../../src/supervisor/other-user.js'
import type { Passed } from '../../src/supervisor/relay.js'
import { namesPaths, withoutRights } from '../../src/supervisor/rights.js'

const bound = { path: '/etc/passwd', identity: '1:2:3' }
const nameless = { path: '/etc/passwd', identity: '' }
const port = { address: '::', family: 'IPv6', port: 80 }
const facts = { isAtTerminal: false, isFirst: false }

test.each<[string, Passed, Passed]>([
  [
    'removes no path and sets no rights',
    { type: 'listener', asked: 'path:/etc/passwd', bound },
    { type: 'listener', asked: 'path:/etc/passwd', bound: nameless },
  ],
  [
    'nor by what the supervisor keeps for it',
    { type: 'escrow', asked: 'path:/etc/passwd', bound },
    { type: 'escrow', asked: 'path:/etc/passwd', bound: nameless },
  ],
  [
    'has its port',
    { type: 'listener', asked: 'tcp::80', bound: port },
    { type: 'listener', asked: 'tcp::80', bound: port },
  ],
  [
    'resolves paths against its own directory, and tells no service manager',
    {
      type: 'welcome',
      version: 1,
      generation: 2,
      directory: '/etc',
      ticketKeys: {},
      serviceManager: { socket: '/run/other', watchdogMs: undefined },
      control: bound,
      supervisor: facts,
    },
    {
      type: 'welcome',
      version: 1,
      generation: 2,
      directory: '',
      ticketKeys: {},
    },
  ],
])('a successor %s', (_, message, left) => {
  expect(namesPaths(message)).toBe(true)
  expect(withoutRights(message)).toEqual(left)
})

test('messages that name no path are passed on without a look at who sends them', () => {
  expect(namesPaths({ type: 'adopted', id: 1 })).toBe(false)
})

test('a process of our own user is no other user', () => {
  expect(otherUserOf(process.pid)).toBe(undefined)
})

test.runIf(process.platform === 'linux')('one that cannot be read is one for root alone', () => {
  expect(otherUserOf(2 ** 30)).toBe(process.geteuid?.() === 0 ? 'another user' : undefined)
})
