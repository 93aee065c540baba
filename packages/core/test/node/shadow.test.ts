// Proves that what several lay over one property is undone in any order, and leaves nothing.
import { expect, test } from 'vitest'
import { shadow } from '../../src/node/shadow.js'

class Base {
  name(): string {
    return 'inherited'
  }
}

test.each([
  ['the last first', [1, 0]],
  ['the first first', [0, 1]],
])('%s', (_, order) => {
  const target = new Base()
  const undo = ['first', 'second'].map((value) => shadow(target, 'name', () => value))
  expect(target.name()).toBe('second')
  const [one, other] = order as [number, number]
  undo[one]!()
  expect(target.name()).toBe(one === 1 ? 'first' : 'second')
  undo[other]!()
  expect([target.name(), Object.keys(target)]).toEqual(['inherited', []])
  // A second undo is nothing, also under a layer that came later.
  const undoThird = shadow(target, 'name', () => 'third')
  undo[one]!()
  expect(target.name()).toBe('third')
  undoThird()
  expect(target.name()).toBe('inherited')
})

test('a property of the object itself comes back as it was', () => {
  const target = { limit: 3 }
  const before = Object.getOwnPropertyDescriptors(target)
  const undo = [1, 2].map((value) => shadow(target, 'limit', value))
  for (const each of undo) each()
  expect(Object.getOwnPropertyDescriptors(target)).toEqual(before)
})
