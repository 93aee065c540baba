// An HTTP/2 service:  node examples/http2/app.js
// A restart tells each client by GOAWAY to come back, and answers what it has asked.
import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import { endless, generation } from '@endless/core'

// Yours come from a certificate authority; these are for localhost, and nobody trusts them.
const certificates = new URL('../../test/fixtures/certificates/', import.meta.url)
const cert = readFileSync(new URL('chain.crt', certificates))
const key = readFileSync(new URL('localhost.key', certificates))

const server = http2.createSecureServer({ cert, key, allowHTTP1: true }, (request, response) => {
  response.end(`Hello by HTTP/${request.httpVersion} from generation ${generation.number}\n`)
})

endless(server).listen(process.env.PORT ?? 4242)
