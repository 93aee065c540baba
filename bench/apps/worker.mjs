import { readFileSync } from 'node:fs'
import http from 'node:http'
import { handler } from './node-handler.mjs'
import { bare, port, report } from './shared.mjs'

// One of several workers. While the file BROKEN has the number of its slot, it dies before it listens. With BLOCKS, so
// many of a thousand requests block it for a quarter of a second; /work takes 2 ms of CPU.

const { endless, generation } = bare
  ? { endless: (server) => server, generation: { slot: 0 } }
  : await import('@endless/core')
const { BROKEN, BLOCKS = '0' } = process.env

if (BROKEN !== undefined && readFileSync(BROKEN, 'utf8') === String(generation.slot)) {
  throw new RangeError('broken on purpose')
}

const listener = (request, response) => {
  if (Math.random() * 1_000 < Number(BLOCKS)) burn(250)
  if (request.url === '/work') burn(2)
  handler(request, response)
}

function burn(durationMs) {
  const endMs = performance.now() + durationMs
  while (performance.now() < endMs);
}

const server = http.createServer(listener)
// A client that says nothing for longer than Node's five seconds keeps its connection.
server.keepAliveTimeout = 120_000
endless(server).listen(port, '127.0.0.1', () => report(server))
