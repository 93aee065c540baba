import { createServer } from 'node:http'

createServer((request, response) => {
  response.end(`pid ${process.pid}`)
}).listen(process.env.PORT)
