// Keeps idle connections for 5 minutes, and reports its memory on GET /memory. Needs --expose-gc.
import http from 'node:http'
import { handler } from './node-handler.mjs'
import { bare, port, report } from './shared.mjs'

const { endless } = bare ? { endless: (server) => server } : await import('@endless/core')

const plain = http.createServer((request, response) => {
  if (request.url === '/memory') response.end(JSON.stringify(look()))
  else handler(request, response)
})
plain.keepAliveTimeout = 300_000

const server = endless(plain).listen(port, '127.0.0.1', () => report(server))

function look() {
  for (let round = 0; round < 4; round++) globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  const sockets = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap')
  return { bytes: heapUsed + external, sockets: sockets.length }
}
