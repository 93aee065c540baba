import http from 'node:http'
import { handler, port } from './handler.mjs'

const server = http.createServer(handler).listen(port, '127.0.0.1')

for (const signal of ['SIGHUP', 'SIGTERM']) {
  process.once(signal, () => server.close(() => process.exit()))
}
