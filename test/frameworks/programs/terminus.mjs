import { createServer } from 'node:http'
import { createTerminus } from '@godaddy/terminus'

const server = createServer((request, response) => {
  response.end(`pid ${process.pid}`)
})
createTerminus(server, {
  signals: ['SIGHUP', 'SIGINT', 'SIGTERM'],
  onSignal: async () => console.log(`pid ${process.pid} cleans up`),
})
server.listen(process.env.PORT)
