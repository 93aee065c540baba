// Proves that the default log names the pid, and that that neither a standard error without a
// reader nor a logger of the application that fails ends anything.
import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { createSafeLogger, createStderrLogger } from '../../src/api/logger.js'
import { FakeSystem, settle } from '../fake-system.js'

const bindings = { name: 'endless', generation: 1 } as const

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

test('a line of the log is one line, whatever it quotes, here and in the logger of the application', () => {
  const system = new FakeSystem()
  const quoted = 'bad \x1b[2J\n[endless 1] all is well'
  createStderrLogger(system).error(quoted)
  const lines: string[] = []
  const take = (line: string): void => void lines.push(line)
  createSafeLogger(
    { info: take, warn: take, error: take },
    createStderrLogger(system),
    bindings,
  ).warn(quoted)
  expect(system.lines).toEqual(['[endless 100] bad \\x1b[2J\\n[endless 1] all is well\n'])
  expect(lines).toEqual(['bad \\x1b[2J\\n[endless 1] all is well'])
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

test.each([
  [
    'throws',
    () => {
      throw new Error('closed')
    },
  ],
  ['rejects', () => Promise.reject(new Error('closed'))],
])('a logger that %s is told of by another, with the line', async (_, fail) => {
  const system = new FakeSystem()
  const failing = { info: fail, warn: fail, error: fail }
  createSafeLogger(failing, createStderrLogger(system), bindings).warn('one')
  await settle()
  expect(system.lines).toEqual(['[endless 100] The logger failed: closed. The line was: one\n'])
})

test('a logger of the application is called as its method', () => {
  const lines: string[] = []
  class Lines {
    #lines = lines
    info(line: string): void {
      this.#lines.push(`info ${line}`)
    }
    warn(line: string): void {
      this.#lines.push(`warn ${line}`)
    }
    error(line: string): void {
      this.#lines.push(`error ${line}`)
    }
  }
  const logger = createSafeLogger(new Lines(), createStderrLogger(new FakeSystem()), bindings)
  logger.info('a')
  logger.warn('b')
  logger.error('c')
  expect(lines).toEqual(['info a', 'warn b', 'error c'])
})

test('a logger that refuses to have such a child, as bunyan does, has the lines itself', () => {
  const lines: string[] = []
  const log = (line: string): void => void lines.push(line)
  const child = (): never => {
    throw new TypeError('child cannot set logger name')
  }
  const given = { info: log, warn: log, error: log, child }
  createSafeLogger(given, createStderrLogger(new FakeSystem()), bindings).info('a')
  expect(lines).toEqual(['a'])
})
