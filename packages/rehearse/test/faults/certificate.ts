import { readFileSync } from 'node:fs'

const folder = new URL('../../../../test/fixtures/certificates/', import.meta.url)

export const certificate = readFileSync(new URL('localhost.crt', folder))
export const key = readFileSync(new URL('localhost.key', folder))
