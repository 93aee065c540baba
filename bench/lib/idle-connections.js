import { once } from 'node:events'
import net from 'node:net'
import { withDeadline } from '@endless/load'

const AT_ONCE = 100
const DEADLINE_MS = 20_000

/** Opens connections that stay open and idle, after one answer each. */
export async function openIdle(port, count) {
  const connections = []
  while (connections.length < count) {
    const next = Math.min(AT_ONCE, count - connections.length)
    connections.push(...(await Promise.all(Array.from({ length: next }, () => open(port)))))
  }
  await askAll(connections)
  return connections
}

/** Sends a request on each connection; resolves with the answers by generation: `Map { '3' => 500 }`. */
export async function askAll(connections) {
  const answers = new Map()
  for (let at = 0; at < connections.length; at += AT_ONCE) {
    const some = connections.slice(at, at + AT_ONCE)
    for (const generation of await Promise.all(some.map((connection) => connection.ask()))) {
      answers.set(generation, (answers.get(generation) ?? 0) + 1)
    }
  }
  return answers
}

async function open(port) {
  const socket = net.connect(port, '127.0.0.1')
  await withDeadline(once(socket, 'connect'), { step: 'connects', deadlineMs: DEADLINE_MS })
  return new IdleConnection(socket)
}

class IdleConnection {
  #socket
  #received = ''
  #settle = () => {}

  constructor(socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text) => {
      this.#received += text
      this.#settle()
    })
    socket.on('error', () => this.#settle()) // 'close' follows
    socket.on('close', () => this.#settle())
  }

  /** Sends a request; resolves with the generation that answers, or with 'closed'. */
  ask() {
    this.#received = ''
    const answer = new Promise((resolve) => {
      this.#settle = () => {
        if (this.#received.includes('hello\n')) {
          resolve(/^x-generation: (\d+)/im.exec(this.#received)?.[1])
        } else if (this.#socket.closed || this.#socket.destroyed) {
          resolve('closed')
        }
      }
    })
    this.#settle()
    if (!this.#socket.destroyed) this.#socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    return withDeadline(answer, { step: 'an answer', deadlineMs: DEADLINE_MS })
  }

  /** Resets the connection: thousands of sockets in TIME_WAIT would use up the ports. */
  close() {
    this.#socket.resetAndDestroy()
  }
}
