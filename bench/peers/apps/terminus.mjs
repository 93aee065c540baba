import http from 'node:http'
import { createTerminus } from '@godaddy/terminus'
import { handler, port } from './handler.mjs'

const server = http.createServer(handler)
createTerminus(server, { timeout: 10_000, useExit0: true })
server.listen(port, '127.0.0.1')
