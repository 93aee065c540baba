import http from 'node:http'
import { handler } from './node-handler.mjs'
import { bare, port, report } from './shared.mjs'

// The node:http app of the benchmarks.

const { endless } = bare ? { endless: (server) => server } : await import('@endless/core')

const server = endless(http.createServer(handler)).listen(port, '127.0.0.1', () => report(server))
