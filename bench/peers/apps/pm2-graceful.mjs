import http from 'node:http'
import { handler, port } from './handler.mjs'

// As PM2's documentation has it for a graceful start and stop: `wait_ready`, and SIGINT.
const server = http.createServer(handler).listen(port, '127.0.0.1', () => process.send('ready'))

process.on('SIGINT', () => server.close(() => process.exit(0)))
