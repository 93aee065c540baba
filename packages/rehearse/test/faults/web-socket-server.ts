import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import type { Rotation } from './rotation.js'

export type WebSocketFault =
  'lose' | 'terminate' | 'close' | 'delay' | 'duplicate' | 'reorder' | 'corrupt' | 'garble'

export const delayMs = 150

/**
 * Starts a server that echoes messages, and does to some what the rotation says; returns its port. Messages come in
 * pairs, of which only the first one gets a fault.
 */
export async function startWebSockets(
  rotation: Pick<Rotation<WebSocketFault>, 'next'>,
): Promise<{ port: number; close: () => void }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  server.on('connection', (socket) => {
    // A message that is held back until the next has been echoed.
    let held: RawData | undefined
    let count = 0
    let isDelayed = false
    socket.on('message', (message: Buffer) => {
      const isFirst = count++ % 2 === 0
      // The second one is delayed with the first, or the first would be out of order.
      const fault = isFirst ? rotation.next() : isDelayed ? 'delay' : undefined
      isDelayed = fault === 'delay'
      misbehave(fault, message, socket, () => (held = message))
      if (isFirst || held === undefined) return
      socket.send(held, { binary: false })
      held = undefined
    })
  })

  function misbehave(
    fault: WebSocketFault | undefined,
    message: Buffer,
    socket: WebSocket,
    hold: () => void,
  ): void {
    const send = (bytes: Buffer): void => socket.send(bytes, { binary: false })
    switch (fault) {
      case undefined:
        send(message)
        break
      case 'lose':
        break
      case 'terminate':
        socket.terminate()
        break
      case 'close':
        socket.close(1_012)
        break
      case 'delay':
        setTimeout(() => send(message), delayMs)
        break
      case 'duplicate':
        send(message)
        send(message)
        break
      case 'reorder':
        hold()
        break
      case 'corrupt': {
        const wrong = Buffer.from(message)
        wrong[wrong.length - 1] = (wrong[wrong.length - 1] ?? 0) ^ 1
        send(wrong)
        break
      }
      case 'garble':
        send(Buffer.from('no echo at all'))
        break
    }
  }

  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      for (const client of server.clients) client.terminate()
      server.close()
    },
  }
}
