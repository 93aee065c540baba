// WebSockets that stay open through restarts:  node examples/websocket/app.js
import http from 'node:http'
import { WebSocketServer } from 'ws'
import { closeWebSockets, endless, generation } from '@endless/core'
import { Unfinished } from './unfinished.js'

// perMessageDeflate must stay off, as it is by default: the state of a compression cannot move.
const webSockets = new WebSocketServer({ noServer: true })
const members = new Set()

const server = http.createServer((_request, response) => {
  response.end(`Hello from generation ${generation.number}, pid ${process.pid}\n`)
})

server.on('upgrade', ({ method, url, headers }, socket, head) => {
  const request = { method, url, headers }
  webSockets.handleUpgrade(request, socket, head, (client) => {
    join({ client, socket, request, count: 0 })
  })
})

/** Replies to each message with its number on this connection, counted across restarts. */
function join(member) {
  const { client, socket } = member
  member.unfinished = new Unfinished()
  // Before the listener of `ws`, which unmasks the bytes in place.
  socket.prependListener('data', (chunk) => member.unfinished.push(chunk))
  client.on('message', (data) => client.send(`${++member.count} ${data}`))
  client.on('close', () => members.delete(member))
  client.on('error', () => undefined)
  members.add(member)
}

const sayGoodbye = closeWebSockets(webSockets, { windowMs: 2_000 })
generation.on('drain', async (drain) => {
  await Promise.all(
    [...members].map(({ socket, request, count, unfinished }) =>
      generation.migrate(socket, { request, count, unfinished: unfinished.toString() }),
    ),
  )
  // Says goodbye to the clients that could not move because there is no successor.
  sayGoodbye(drain)
})

generation.on('adopt', ({ socket, state: { request, count, unfinished } }) => {
  // `ws` completes an upgrade by writing the 101 response, which this client got from an earlier process.
  socket.write = () => true
  webSockets.handleUpgrade(request, socket, Buffer.from(unfinished, 'base64'), (client) => {
    join({ client, socket, request, count })
  })
  delete socket.write
  socket.resume()
})

endless(server).listen(process.env.PORT ?? 3000, () => {
  console.log(`Generation ${generation.number}: kill -HUP ${process.pid} restarts it`)
})
