// Proves that the default log names the pid, and that a standard error without a reader ends nothing.
import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { createStderrLogger } from '../src/logger.js'
import { FakeSystem, settle } from './fake-system.js'

test('each level writes one line with the pid', () => {
  const system = new FakeSystem()
  const logger = createStderrLogger(system)
  logger.info('one')
  logger.warn('two')
  logger.error('three')
  expect(system.lines).toEqual([
    '[endless 100] one\n',
    '[endless 100] two\n',
    '[endless 100] three\n',
  ])
})

test('a stream whose reader has gone does not end the process', async () => {
  const broken = new Writable({
    write: (_chunk, _encoding, callback) => {
      callback(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    },
  })
  const logger = createStderrLogger({ pid: 1, stderr: () => broken })
  logger.info('into the void')
  await settle()
  logger.info('again')
  await settle()
  expect(broken.errored).toMatchObject({ code: 'EPIPE' })
  expect(broken.listenerCount('error')).toBe(0)
})

test('listens for errors once, and only while it writes', async () => {
  const system = new FakeSystem()
  const logger = createStderrLogger(system)
  for (let line = 0; line < 20; line++) logger.info('x')
  expect(system.stderr().listenerCount('error')).toBe(1)
  await settle()
  expect(system.stderr().listenerCount('error')).toBe(0)
})
