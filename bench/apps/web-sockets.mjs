// WebSockets that a drain closes, or moves into the new process, as WAY says: 'closed' or 'moved'.
import http from 'node:http'
import { closeWebSockets, endless, generation } from '@endless/core'
import { WebSocketServer } from 'ws'
import { port, report } from './shared.mjs'

const webSockets = new WebSocketServer({ noServer: true })
const members = new Map()

function join(socket, request, head) {
  webSockets.handleUpgrade(request, socket, head, (client) => {
    members.set(socket, request)
    client.on('message', (data) => client.send(`${generation.number} ${data}`))
    client.on('close', () => members.delete(socket))
  })
}

const ways = {
  closed: closeWebSockets(webSockets, { windowMs: 1_000 }),
  moved: () => {
    for (const [socket, request] of members) void generation.migrate(socket, request)
  },
}
generation.on('drain', ways[process.env.WAY])

generation.on('adopt', ({ socket, state }) => {
  // Each client has got its 101 response from an earlier process.
  socket.write = () => true
  join(socket, state, Buffer.alloc(0))
  delete socket.write
  socket.resume()
})

const plain = http.createServer((_request, response) => response.end('hello\n'))
plain.on('upgrade', ({ method, url, headers }, socket, head) => {
  join(socket, { method, url, headers }, head)
})
const server = endless(plain).listen(port, '127.0.0.1', () => report(server))
