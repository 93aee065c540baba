import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

createServer((request: IncomingMessage, response: ServerResponse) => {
  response.end(`pid ${process.pid}`)
}).listen(process.env.PORT)
