import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { withDeadline } from '../helpers/index.js'
import type { AdapterUnderTest } from './adapter.js'
import { restart, startSubject } from './subject-program.js'

const deadlineMs = 10_000

export function testWebSockets(adapter: AdapterUnderTest): void {
  test('a WebSocket lives through a restart until it is closed', async () => {
    const { program, port } = await startSubject(adapter)
    const old = await open(port)
    await restart(program)
    expect(await say(old, 'hello')).toBe('hello to generation 0')
    expect(await say(await open(port), 'hello')).toBe('hello to generation 1')
    const drain = await program.waitForEvent('drain', { step: 'generation 0 drains', deadlineMs })
    expect(drain).toMatchObject({ pid: program.pid, upgraded: 1 })

    old.close(1000)
    expect(await closed(old)).toBe(1000)
    await program.waitForEnd(program.pid, { step: 'generation 0 exits', deadlineMs })
  })

  test('a WebSocket that stays is ended by the hammer', async () => {
    const { program, port } = await startSubject(adapter, { options: { hammerTimeMs: 300 } })
    const ended = closed(await open(port))
    await restart(program)
    expect(await ended).toBe(1006)
    await program.waitForEnd(program.pid, { step: 'generation 0 exits', deadlineMs })
    const hammer = await program.waitForEvent('hammer', { step: 'the hammer falls', deadlineMs })
    expect(hammer).toMatchObject({ pid: program.pid, destroyed: 1 })
  })
}

async function open(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`)
  onTestFinished(() => socket.terminate())
  await withDeadline(once(socket, 'open'), { step: 'the WebSocket opens', deadlineMs })
  return socket
}

async function say(socket: WebSocket, message: string): Promise<string> {
  socket.send(message)
  const answer = once(socket, 'message') as Promise<[Buffer]>
  const [data] = await withDeadline(answer, { step: 'the WebSocket answers', deadlineMs })
  return data.toString()
}

/** Resolves with the code that a WebSocket was closed with. */
async function closed(socket: WebSocket): Promise<number> {
  const close = once(socket, 'close') as Promise<[number]>
  const [code] = await withDeadline(close, { step: 'the WebSocket is closed', deadlineMs })
  return code
}
