import http from 'node:http'
import stoppable from 'stoppable'
import { handler, port } from './handler.mjs'

const server = stoppable(http.createServer(handler)).listen(port, '127.0.0.1')

process.once('SIGTERM', () => server.stop(() => process.exit()))
