// Proves that a certificate and a key are read and held against each other before anything listens.
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readCertificate } from '../src/certificate.js'

const certificates = new URL('../../../test/fixtures/certificates/', import.meta.url)
const file = (name: string): string => fileURLToPath(new URL(name, certificates))

test.each(['localhost.crt', 'chain.crt'])('%s and its key are read', (name) => {
  const { cert, key } = readCertificate(file(name), file('localhost.key'))
  expect(cert.toString()).toContain('BEGIN CERTIFICATE')
  expect(key.toString()).toContain('PRIVATE KEY')
})

test.each([
  ['a missing certificate', 'missing.crt', 'localhost.key', 'Cannot read the certificate file'],
  ['a missing key', 'localhost.crt', 'missing.key', 'Cannot read the key file'],
  ['a key of another certificate', 'localhost.crt', 'unrelated.key', 'Cannot serve TLS with'],
  ['no certificate at all', 'localhost.key', 'localhost.key', 'Cannot serve TLS with'],
  ['a directory', '.', 'localhost.key', 'Cannot read the certificate file'],
])('%s is refused, with the file and the reason', (_, cert, key, message) => {
  expect(() => readCertificate(file(cert), file(key))).toThrow(
    expect.objectContaining({
      code: 'ERR_ENDLESS_INVALID_CERTIFICATE',
      message: expect.stringContaining(message) as string,
      cause: expect.any(Error) as Error,
    }),
  )
})
