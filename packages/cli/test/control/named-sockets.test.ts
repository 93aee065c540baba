// Proves how the name of a service becomes the name of a file.
import path from 'node:path'
import { expect, test } from 'vitest'
import { socketNameOf } from '../../src/control/named-sockets.js'

test.each([
  ['shop', 'shop.sock'],
  ['@shop/api', '@shop%2Fapi.sock'],
  ['shop.v2_a-b~', 'shop.v2_a-b~.sock'],
  ['..', '%2E..sock'],
  ['.hidden', '%2Ehidden.sock'],
  ['../../etc/passwd', '%2E.%2F..%2Fetc%2Fpasswd.sock'],
  ['a b\n\0', 'a%20b%0A%00.sock'],
  ['%2F', '%252F.sock'],
  ['é', '%C3%A9.sock'],
  ['\ud800', '%EF%BF%BD.sock'],
])('%j is a file in its directory, and no other name is the same file', (name, file) => {
  expect(socketNameOf(name)).toBe(file)
  expect(path.basename(path.join('/d', file))).toBe(file)
})
