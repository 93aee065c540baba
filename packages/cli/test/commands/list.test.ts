// Proves how the list of a user's services reads.
import type { ServiceStatus } from '@endless/core/for-cli'
import { expect, test } from 'vitest'
import { formatList } from '../../src/commands/list.js'
import { Failure } from '../../src/control/failure.js'

const connections = { open: 0, idle: 0, busy: 0, upgraded: 0, http2: 0, handshaking: 0 }

function told(name: string, state: 'running' | 'booting' | 'shutting-down'): ServiceStatus {
  return {
    pid: 10,
    supervisor: {
      pid: 10,
      name,
      directory: `/srv/${name}`,
      uptimeMs: 7_200_000,
      memoryBytes: 1,
    },
    generations: [
      {
        number: 3,
        pid: 13,
        state,
        uptimeMs: 1,
        memoryBytes: null,
        servers: [
          { address: '[::]:3000', state: 'running', madeBy: 'code', connections, requests: 0 },
        ],
      },
    ],
    startingInMs: null,
    lastRestart: null,
    lastDeath: null,
  }
}

test('has a line for each service, and a reason for each that cannot be asked', () => {
  const stuck = new Failure('failed', 'the service at /d/stuck.sock does not answer')
  const services = [
    { name: 'api', control: '/d/api.sock', told: told('api', 'booting') },
    { name: 'old', control: '/d/old.sock', told: told('old', 'shutting-down') },
    { name: 'shop', control: '/d/shop.sock', told: told('shop', 'running') },
    { name: 'stuck\n', control: '/d/stuck%0A.sock', told: stuck },
  ]
  expect(formatList(services)).toMatchInlineSnapshot(`
    "NAME    PID  STATE            AGE  GENERATION  LISTENERS  DIRECTORY
    api      10  starting         2 h                         /srv/api
    old      10  ending           2 h                         /srv/old
    shop     10  serving          2 h           3  [::]:3000  /srv/shop
    stuck\\n       cannot be asked

    stuck\\n: the service at /d/stuck.sock does not answer"
  `)
})
