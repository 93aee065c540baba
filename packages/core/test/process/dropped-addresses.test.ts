// Proves when a successor that listens elsewhere may take over, and what a restart then drops.
import { expect, test } from 'vitest'
import { droppedAddresses } from '../../src/process/dropped-addresses.js'

const served = ['127.0.0.1:80', 'unix:/run/app.sock']

function drop(
  serves: string[] | undefined,
  { isAllowed = false, allowsAddressChange = false, of = served } = {},
): string[] {
  const successor = { number: 1, pid: 101, serves, allowsAddressChange }
  return droppedAddresses({ number: 0, pid: 100, addresses: of }, successor, isAllowed)
}

test('what the successor serves as well is not dropped, whatever it has besides', () => {
  expect(drop(['[::]:90', ...served])).toEqual([])
})

test('what it does not serve is dropped', () => {
  expect(drop(['127.0.0.1:80'])).toEqual(['unix:/run/app.sock'])
})

test('a successor that drops everything may not take over, and is told why', () => {
  for (const serves of [['127.0.0.1:81'], []]) {
    expect(() => drop(serves)).toThrow(
      expect.objectContaining({
        code: 'ERR_ENDLESS_ADDRESSES_CHANGED',
        pid: 101,
        message: expect.stringMatching(
          /^Generation 1 \(pid 101\) listens on .*127\.0\.0\.1:80, unix:\/run\/app\.sock would refuse\. Generation 0 \(pid 100\) still serves\..*allowAddressChange/,
        ) as string,
      }) as Error,
    )
  }
})

test('it may if either side has said so', () => {
  expect(drop(['127.0.0.1:81'], { isAllowed: true })).toEqual(served)
  expect(drop(['127.0.0.1:81'], { allowsAddressChange: true })).toEqual(served)
})

test('nothing is known of another version, and a process that serves nothing drops nothing', () => {
  expect(drop(undefined)).toEqual([])
  expect(drop(['127.0.0.1:81'], { of: [] })).toEqual([])
})
