// The service to which the faults happen. The first argument: { port, options }. Each process reads at its start which
// release it is, from the file `release`; the release `bad` dies as it boots. GET /stream goes on until the client
// leaves, /restart restarts from inside, an upgrade echoes and moves along.
import { readFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endless, generation } from '@endless/core'
import { answer, report, reportLife } from '../fixtures/support.mjs'

const { port, options } = JSON.parse(process.argv[2])
const release = readFileSync(path.join(process.env.FAULTS_DIRECTORY, 'release'), 'utf8')
report('boot', { slot: generation.slot, release })
process.on('exit', (code) => report('exit', { code }))
if (release === 'bad') {
  console.error('about to throw')
  throw new RangeError('bad on purpose')
}

async function handle(request, response) {
  response.setHeader('x-release', release)
  if (request.url === '/restart') generation.restart().catch(() => undefined)
  if (request.url !== '/stream') {
    answer(request, response)
    return
  }
  response.setHeader('x-pid', process.pid)
  while (!response.destroyed) {
    response.write('.')
    await sleep(50)
  }
}

function echo(socket) {
  holds(socket)
  socket.on('error', () => undefined) // the client resets it
  socket.on('data', (chunk) => socket.write(chunk))
}

/** Says who holds a connection: a client that loses it compares that with the dead. */
function holds({ remotePort: clientPort, localPort: serverPort }) {
  if (clientPort !== undefined) report('connection', { clientPort, serverPort })
}

// As in lives-dangerously.mjs: a client that a busy machine holds up must not meet the end of an idle connection.
const server = http.createServer({ keepAliveTimeout: 15_000 }, handle)
server.on('connection', holds)
server.on('upgrade', (_request, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n')
  socket.write(`x-pid: ${process.pid}\r\n\r\n`)
  echo(socket)
})
generation.on('adopt', ({ socket }) => {
  echo(socket)
  socket.resume()
})
generation.on('drain', ({ upgraded }) => {
  // A successor that is gone takes nothing: the tunnel stays.
  for (const socket of upgraded) generation.migrate(socket, {}).catch(() => undefined)
})
const served = endless(server, options)
served.registerSignalHook('before', 'SIGTERM', () => report('before SIGTERM'))
reportLife(() => ({ slot: generation.slot }))
served.listen(port, '127.0.0.1')
