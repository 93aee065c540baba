import { readFileSync } from 'node:fs'
import https from 'node:https'
import { handler } from './node-handler.mjs'
import { bare, port, report } from './shared.mjs'

// The node:https app of the benchmarks.

const { endless } = bare ? { endless: (server) => server } : await import('@endless/core')
const { TLS_KEY_FILE, TLS_CERT_FILE } = process.env
const tls = { key: readFileSync(TLS_KEY_FILE), cert: readFileSync(TLS_CERT_FILE) }

const server = endless(https.createServer(tls, handler)).listen(port, '127.0.0.1', () =>
  report(server),
)
