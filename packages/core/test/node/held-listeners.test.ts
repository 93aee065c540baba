// Proves that signal listeners are held back, whenever they were added, and are called when it is asked for.
import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { holdListeners } from '../../src/node/held-listeners.js'

function start() {
  const emitter = new EventEmitter()
  const seen: string[] = []
  const note = (what: string) => () => void seen.push(what)
  emitter.once('SIGTERM', note('early'))
  const held = holdListeners(emitter, ['SIGTERM'], (signal) => void seen.push(`told ${signal}`))
  return { emitter, seen, note, held }
}

test('listeners from before and from after are held, and all other events arrive', () => {
  const { emitter, seen, note } = start()
  emitter.on('SIGTERM', note('late'))
  emitter.on('SIGUSR2', note('other'))
  emitter.emit('SIGTERM')
  emitter.emit('SIGUSR2')
  expect(seen).toEqual(['told SIGTERM', 'other'])
  expect(emitter.listenerCount('SIGTERM')).toBe(2)
})

test('each is called once, also if the first removes all others, and own ones are not', () => {
  const { emitter, seen, note, held } = start()
  const own = note('own')
  emitter.on('SIGTERM', own)
  emitter.on('SIGTERM', () => emitter.removeAllListeners('SIGTERM'))
  emitter.on('SIGTERM', note('late'))
  expect(held.count('SIGTERM', own)).toBe(3)
  held.call('SIGTERM', own, () => undefined)
  expect(seen).toEqual(['early', 'late'])
})

test('one that was removed is not called', () => {
  const { emitter, seen, note, held } = start()
  const late = note('late')
  emitter.on('SIGTERM', late)
  emitter.off('SIGTERM', late)
  held.call('SIGTERM', undefined, () => undefined)
  expect(seen).toEqual(['early'])
})

test('a signal to the own process is the end of the listeners; one to another process is sent', () => {
  const { emitter, seen, held } = start()
  const sent: unknown[] = []
  const kill = (...args: unknown[]): unknown => sent.push(args)
  const process = Object.assign(emitter, { pid: 100, kill: kill as (pid: number) => true })
  held.call('SIGTERM', undefined, () => void seen.push('ends itself'))
  const send = process.kill as unknown as (pid: number, signal: string) => unknown
  send(100, 'SIGTERM')
  send(101, 'SIGTERM')
  send(100, 'SIGKILL')
  expect(seen).toEqual(['early', 'ends itself'])
  expect(sent).toEqual([
    [101, 'SIGTERM'],
    [100, 'SIGKILL'],
  ])
})

test('once released, signals reach the listeners again', () => {
  const { emitter, seen, held } = start()
  held.release()
  emitter.emit('SIGTERM')
  expect(seen).toEqual(['early'])
  expect(Object.hasOwn(emitter, 'emit')).toBe(false)
})
