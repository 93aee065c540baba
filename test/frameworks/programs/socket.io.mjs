import { createServer } from 'node:http'
import { Server } from 'socket.io'

const server = createServer((request, response) => {
  response.end(`pid ${process.pid}`)
})
const io = new Server(server)
io.on('connection', (socket) => socket.emit('pid', process.pid))
server.listen(process.env.PORT)
