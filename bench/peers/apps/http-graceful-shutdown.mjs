import http from 'node:http'
import gracefulShutdown from 'http-graceful-shutdown'
import { handler, port } from './handler.mjs'

const server = http.createServer(handler).listen(port, '127.0.0.1')
gracefulShutdown(server)
