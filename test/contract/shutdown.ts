import { expect, test } from 'vitest'
import { connectRaw, get, until, type Program, type RawClient } from '../helpers/index.js'
import type { AdapterUnderTest } from './adapter.js'
import { startSubject } from './subject-program.js'

const wait = (step: string) => ({ step, deadlineMs: 10_000 })

export function testShutdown(adapter: AdapterUnderTest): void {
  test('SIGTERM lets the request in flight finish, refuses new ones, cleans up and exits 0', async () => {
    const { program, port } = await startSubject(adapter)
    const client = await beginEcho(port)
    program.signal('SIGTERM')
    await program.waitForEvent('drain', wait('the drain begins'))
    await expect(get(port)).rejects.toThrow('ECONNREFUSED')

    client.write('second')
    const [response] = await client.waitForResponses(1)
    expect(response).toMatchObject({ status: 200, body: 'first second' })
    client.end()
    expect(await program.waitForExit(wait('it exits'))).toEqual({ code: 0, signal: null })
    expect(eventNames(program)).toEqual(['ready', 'hook', 'drain', 'hook', 'clean-up', 'terminate'])
  })

  test('the hammer ends a request that takes too long', async () => {
    const { program, port } = await startSubject(adapter, { options: { hammerTimeMs: 200 } })
    const client = await beginEcho(port)
    program.signal('SIGTERM')
    const hammer = await program.waitForEvent('hammer', wait('the hammer falls'))
    expect(hammer['destroyed']).toBe(1)
    await client.waitForEnd()
    expect(await program.waitForExit(wait('it exits'))).toEqual({ code: 0, signal: null })
    expect(program.output.toString()).toContain(
      'hammer: 1 connection destroyed, after 200 ms (hammerTimeMs)',
    )
  })
}

/** Sends half a request, and waits until its first bytes have come back: the app is in the middle of it. */
async function beginEcho(port: number): Promise<RawClient> {
  const client = await connectRaw(port)
  client.write(
    'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n',
  )
  client.write('Content-Length: 12\r\n\r\nfirst ')
  await until(() => client.received.includes('first '), {
    step: 'the first half comes back',
    deadlineMs: 5_000,
  })
  return client
}

function eventNames(program: Program): string[] {
  return program.events.map(({ event }) => event)
}
