// Proves that a connection that has left HTTP for another protocol is told of the drain through the
// application, and lives until it ends.
import { describe, expect, test } from 'vitest'
import { startAnswering, until, type Answering, type RawClient } from '../helpers/index.js'

const options = { idleGraceMs: 0, migrateConnections: false }

async function upgrade(program: Answering): Promise<RawClient> {
  const client = await program.connect()
  sendUpgrade(client)
  await client.waitForResponses(1)
  expect(client.responses).toMatchObject([{ status: 101 }])
  return client
}

function sendUpgrade(client: RawClient): void {
  client.request('/', { headers: 'Connection: upgrade\r\nUpgrade: echo\r\n' })
}

/** Sends something through the tunnel, and waits until it has come back. */
async function echo(client: RawClient, text: string): Promise<void> {
  client.write(text)
  await until(() => client.received.includes(text), { step: `the echo ${text}`, deadlineMs: 5_000 })
}

describe.each([
  { name: 'SIGTERM, cleartext', tls: false, signal: 'SIGTERM' },
  { name: 'SIGTERM, TLS', tls: true, signal: 'SIGTERM' },
  { name: 'SIGHUP, cleartext', tls: false, signal: 'SIGHUP' },
  { name: 'SIGHUP, TLS', tls: true, signal: 'SIGHUP' },
] as const)('$name', ({ tls, signal }) => {
  test('an upgraded connection is in the drain event, and works on until its client ends it', async () => {
    const program = await startAnswering({ tls, server: { keepAliveTimeout: 0 }, options })
    const client = await upgrade(program)
    await echo(client, 'before')
    // It is closed for its grace of nothing; the upgraded one has been as quiet.
    const idle = await program.connect()
    await program.drain(signal)
    await idle.waitForEnd({ deadlineMs: 10_000 })
    await echo(client, 'during')
    expect(await program.waitFor('drain')).toMatchObject({ upgraded: 1 })
    client.end()
    expect(await client.waitForEnd()).toBe('fin')
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
  })
})

test.each([
  { name: 'cleartext', tls: false },
  { name: 'TLS', tls: true },
])('over $name, a connection may still be upgraded in the drain', async ({ tls }) => {
  const program = await startAnswering({ tls, options: { idleGraceMs: 60_000 } })
  const client = await program.connect()
  await program.waitFor('connection')
  await program.drain('SIGTERM')
  sendUpgrade(client)
  await client.waitForResponses(1)
  await echo(client, 'late')
  client.end()
  expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
})
