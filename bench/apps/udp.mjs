// Answers datagrams, and HTTP beside them. Knows nothing of endless.
import dgram from 'node:dgram'
import http from 'node:http'

const [port, udpPort] = process.argv.slice(2).map(Number)
const socket = dgram.createSocket('udp4')
socket.on('message', (message, { port, address }) =>
  socket.send(`${message} ${process.pid}`, port, address),
)
socket.bind(udpPort, '127.0.0.1', () => {
  http.createServer((_, response) => response.end()).listen(port, '127.0.0.1')
})
