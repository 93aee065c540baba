// An HTTP/2 service:  node examples/http2/app.js
// On a restart each client gets a GOAWAY: its open requests are answered, and it connects to the new process.
import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import { endless, generation } from '@endless/core'

// These are for localhost only, and no client trusts them. Use files from your certificate authority.
const certificates = new URL('../../test/fixtures/certificates/', import.meta.url)
const cert = readFileSync(new URL('chain.crt', certificates))
const key = readFileSync(new URL('localhost.key', certificates))

const server = http2.createSecureServer({ cert, key, allowHTTP1: true }, (request, response) => {
  response.end(`Hello by HTTP/${request.httpVersion} from generation ${generation.number}\n`)
})

endless(server).listen(process.env.PORT ?? 4242)
