// Proves that a server whose protocol only the application knows restarts and shuts down: its
// connections are handed to the application for a farewell, and live until they end or the hammer falls.
import { describe, expect, test } from 'vitest'
import {
  connectRaw,
  startAnswering,
  until,
  type Answering,
  type RawClient,
} from '../helpers/index.js'

interface Settings {
  tls: boolean
  saysGoodbye?: boolean
  options?: object
}

const start = (settings: Settings) => startAnswering(settings, 'echoes.mjs')

/** Connects, and resolves when that generation has greeted. */
async function meet(program: Answering, generation = 0): Promise<RawClient> {
  const client = await program.connect()
  await receive(client, `generation ${generation}\n`)
  return client
}

const receive = (client: RawClient, text: string) =>
  until(() => client.received.includes(text), { step: `receives ${text}`, deadlineMs: 5_000 })

async function echo(client: RawClient, text: string): Promise<void> {
  client.write(text)
  await receive(client, text)
}

describe.each([
  { name: 'cleartext', tls: false },
  { name: 'TLS', tls: true },
])('over $name', ({ tls }) => {
  test('on a restart, open connections work on, and new ones are served by the successor', async () => {
    const program = await start({ tls })
    const clients = [await meet(program), await meet(program)]
    await program.drain('SIGHUP')
    expect(await program.waitFor('drain')).toMatchObject({ upgraded: 2 })
    const late = await meet(program, 1)
    for (const client of [...clients, late]) await echo(client, 'still here')
    for (const client of clients) client.end()
    expect(await program.waitForExit()).toMatchObject({ reason: 'handoff', hammered: 0 })
    await echo(late, 'and after')
  })

  test('on a plain shutdown, open connections work on until they end', async () => {
    const program = await start({ tls, options: { idleGraceMs: 0 } })
    const client = await meet(program)
    await program.drain('SIGTERM')
    await expect(connectRaw(program.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await echo(client, 'still here')
    client.end()
    expect(await client.waitForEnd()).toBe('fin')
    expect(await program.waitForExit()).toMatchObject({ reason: 'shutdown', hammered: 0 })
  })

  test('the application can say goodbye to each connection', async () => {
    const program = await start({ tls, saysGoodbye: true })
    const clients = [await meet(program), await meet(program)]
    await program.drain('SIGHUP')
    for (const client of clients) {
      await receive(client, 'goodbye\n')
      expect(await client.waitForEnd()).toBe('fin')
    }
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
  })

  test('the hammer destroys what is left, and counts it', async () => {
    const program = await start({ tls, options: { hammerTimeMs: 300 } })
    const clients = [await meet(program), await meet(program)]
    await program.drain('SIGTERM')
    for (const client of clients) await client.waitForEnd()
    expect(await program.waitFor('hammer')).toMatchObject({ destroyed: 2 })
    expect(await program.waitForExit()).toMatchObject({ hammered: 2 })
  })
})

test('a client that never ends its TLS handshake is let go after the grace', async () => {
  const program = await start({ tls: true, options: { idleGraceMs: 300 } })
  const silent = await connectRaw(program.port)
  await program.waitFor('connection')
  await program.drain('SIGTERM')
  await silent.waitForEnd()
  expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
})
