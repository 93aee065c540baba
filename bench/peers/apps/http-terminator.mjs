import http from 'node:http'
import { createHttpTerminator } from 'http-terminator'
import { handler, port } from './handler.mjs'

const server = http.createServer(handler).listen(port, '127.0.0.1')
const terminator = createHttpTerminator({ server })

process.once('SIGTERM', async () => {
  await terminator.terminate()
  process.exit()
})
