import http from 'node:http'
import { handler, port } from './handler.mjs'

// A program that knows of no restart.
http.createServer(handler).listen(port, '127.0.0.1')
