// An https service:  node examples/tls/app.js
// A restart reads the certificate again, and clients resume their TLS sessions with the new process.
import { readFileSync } from 'node:fs'
import https from 'node:https'
import { endless, generation } from '@endless/core'

// These are for localhost only, and no client trusts them. Use files from your certificate authority.
const certificates = new URL('../../test/fixtures/certificates/', import.meta.url)
const cert = readFileSync(new URL('chain.crt', certificates))
const key = readFileSync(new URL('localhost.key', certificates))

const server = https.createServer({ cert, key }, (request, response) => {
  response.end(`Hello from generation ${generation.number}\n`)
})

endless(server).listen(process.env.PORT ?? 4242)
