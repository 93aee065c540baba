// Proves that changes run one at a time, in their order, and that one that fails holds up no other.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Turns } from '../../src/supervisor/turns.js'

test('each change begins when the one before has ended, however that was', async () => {
  const turns = new Turns()
  const seen: string[] = []
  const change = (name: string, failure?: Error) => async (): Promise<string> => {
    seen.push(`${name} begins`)
    await sleep(1)
    seen.push(`${name} ends`)
    if (failure) throw failure
    return name
  }
  const bad = new Error('bad')
  const settled = await Promise.allSettled([
    turns.take(change('one')),
    turns.take(change('two', bad)),
    turns.take(change('three')),
  ])
  expect(settled).toEqual([
    { status: 'fulfilled', value: 'one' },
    { status: 'rejected', reason: bad },
    { status: 'fulfilled', value: 'three' },
  ])
  expect(seen).toEqual(
    ['one', 'two', 'three'].flatMap((name) => [`${name} begins`, `${name} ends`]),
  )
})
