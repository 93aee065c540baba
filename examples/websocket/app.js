// WebSockets that stay open through restarts:  node examples/websocket/app.js
import http from 'node:http'
import { WebSocketServer } from 'ws'
import { closeWebSockets, endless, generation } from '@endless/core'
import { Unfinished } from './unfinished.js'

// Without perMessageDeflate, which is off by default: what a compression has seen cannot be moved.
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

/** Answers each message with its number in this connection, in whichever process that began. */
function join(member) {
  const { client, socket } = member
  member.unfinished = new Unfinished()
  // Before `ws`, which takes the mask off the bytes in their place.
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
  // Those that could not move, as there is no successor.
  sayGoodbye(drain)
})

generation.on('adopt', ({ socket, state: { request, count, unfinished } }) => {
  // `ws` completes an upgrade by writing the 101, which this client has had from an earlier process.
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
