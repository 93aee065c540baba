import { readFileSync } from 'node:fs'
import tls from 'node:tls'
import { EndlessError, messageOf } from './api/endless-error.js'

/**
 * Reads a certificate, or a chain, and its key from PEM files, and checks that they match: a successor
 * with a wrong pair should fail here, not at its first client.
 *
 * @throws `ERR_ENDLESS_INVALID_CERTIFICATE` if a file cannot be read or the two do not match
 */
export function readCertificate(certFile: string, keyFile: string): { cert: Buffer; key: Buffer } {
  const cert = readPem('certificate', certFile)
  const key = readPem('key', keyFile)
  try {
    tls.createSecureContext({ cert, key })
  } catch (cause) {
    throw new EndlessError(
      'ERR_ENDLESS_INVALID_CERTIFICATE',
      `Cannot serve TLS with the certificate ${certFile} and the key ${keyFile}: ` +
        `${messageOf(cause)}. Give a PEM certificate and the key that belongs to it.`,
      { cause },
    )
  }
  return { cert, key }
}

function readPem(what: string, file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new EndlessError(
      'ERR_ENDLESS_INVALID_CERTIFICATE',
      `Cannot read the ${what} file ${file}: ${messageOf(cause)}.`,
      { cause },
    )
  }
}
