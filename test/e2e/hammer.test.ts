// Proves that the hammer ends what a drain cannot: when its time is over, when SIGUSR2 or the
// application asks for it, and only in a shutdown.
import { describe, expect, test } from 'vitest'
import {
  connectRaw,
  get,
  startAnswering,
  until,
  type Answering,
  type ProgramEvent,
  type RawClient,
} from '../helpers/index.js'

const asRequested = 'as requested'
const after = (timeMs: number) => `after ${timeMs} ms (hammerTimeMs)`
const isConnection = ({ event }: ProgramEvent) => event === 'connection'
const idleGraceMs = 60_000

/** Begins a request that nobody answers. */
async function beginRequest(program: Answering, name = 'stuck'): Promise<RawClient> {
  const client = await program.connect()
  client.request(`/wait/${name}`)
  await program.waitForRequest(name)
  return client
}

async function expectHammered(program: Answering, destroyed: number, why: string): Promise<void> {
  const count = destroyed === 1 ? '1 connection' : `${destroyed} connections`
  expect(await program.waitFor('hammer')).toMatchObject({ destroyed })
  expect(await program.waitForExit()).toMatchObject({ hammered: destroyed })
  expect(program.program.stderr.split('\n').filter((line) => line.includes('hammer: '))).toEqual([
    `[endless ${program.program.pid}] hammer: ${count} destroyed, ${why}`,
  ])
}

describe.each([
  { name: 'cleartext', tls: false },
  { name: 'TLS', tls: true },
])('over $name', ({ tls }) => {
  test('hammerTimeMs after the shutdown began, every connection that is left is destroyed', async () => {
    const program = await startAnswering({ tls, options: { idleGraceMs, hammerTimeMs: 300 } })
    const busy = await beginRequest(program)
    const upgraded = await program.connect()
    upgraded.request('/', { headers: 'Connection: upgrade\r\nUpgrade: echo\r\n' })
    await upgraded.waitForResponses(1)
    const idle = await program.connect()
    idle.request('/now/done')
    await idle.waitForResponses(1)
    const silent = await connectRaw(program.port) // over TLS: without a handshake
    await until(() => program.program.events.filter(isConnection).length === 4, {
      step: 'all four are accepted',
      deadlineMs: 5_000,
    })
    const beganMs = performance.now()
    await program.drain('SIGTERM')
    const clients = [busy, upgraded, idle, silent]
    for (const client of clients) await client.waitForEnd()
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(300)
    await expectHammered(program, clients.length, after(300))
  })

  test('SIGUSR2 lets the hammer fall at once, where it would never fall by itself', async () => {
    const program = await startAnswering({ tls, options: { idleGraceMs: 0, hammerTimeMs: -1 } })
    const idle = await program.connect()
    const client = await beginRequest(program)
    await program.drain('SIGTERM')
    await idle.waitForEnd()
    expect(client.endedBy).toBeUndefined()
    program.program.signal('SIGUSR2')
    await client.waitForEnd()
    await expectHammered(program, 1, asRequested)
  })
})

test('after a restart the hammer falls on the predecessor, and the successor serves', async () => {
  const program = await startAnswering({ options: { hammerTimeMs: 300 } })
  const client = await beginRequest(program)
  await program.drain('SIGHUP')
  await client.waitForEnd()
  await expectHammered(program, 1, after(300))
  expect((await get(program.port, '/now/alive')).body).toBe('now alive')
})

test('without the option, the default that is set when the shutdown begins counts', async () => {
  const program = await startAnswering()
  const client = await beginRequest(program)
  await program.command('defaults', { hammerTimeMs: '200' })
  await program.drain('SIGTERM')
  await client.waitForEnd()
  await expectHammered(program, 1, after(200))
})

test('the option of a server is stronger than the default', async () => {
  const program = await startAnswering({ options: { hammerTimeMs: 200 } })
  const client = await beginRequest(program)
  await program.command('defaults', { hammerTimeMs: '-1' })
  await program.drain('SIGTERM')
  await client.waitForEnd()
  await expectHammered(program, 1, after(200))
})

test('generation.hammer() does nothing while the process serves, and hammers in a shutdown', async () => {
  const program = await startAnswering()
  const answered = await beginRequest(program, 'answered')
  const stuck = await beginRequest(program)
  await program.command('hammer')
  await program.drain('SIGTERM')
  await program.answer('answered')
  expect(await answered.waitForResponses(1)).toMatchObject([{ body: 'wait answered' }])
  await answered.waitForEnd()
  await program.command('hammer')
  await stuck.waitForEnd()
  await expectHammered(program, 1, asRequested)
})

test('SIGUSR2 cuts the delay of a shutdown too', async () => {
  const program = await startAnswering({ options: { shutdownDelayMs: 60_000 } })
  const client = await beginRequest(program)
  program.program.signal('SIGTERM')
  await expect
    .poll(() => program.command('states'))
    .toEqual({ generation: 'shutting-down', server: 'shutting-down' })
  program.program.signal('SIGUSR2')
  await client.waitForEnd()
  await expectHammered(program, 1, asRequested)
})

test('the shutdown of one server ends with the hammer too, and the process lives on', async () => {
  const program = await startAnswering({ stays: true, options: { hammerTimeMs: 200 } })
  const client = await beginRequest(program)
  await program.command('shutdown')
  await client.waitForEnd()
  expect(await program.waitFor('hammer')).toMatchObject({ destroyed: 1 })
  expect(await program.waitFor('terminated')).toMatchObject({ report: { hammered: 1 } })
  await program.command('listen')
  const { port } = (await program.waitFor('listening')) as unknown as { port: number }
  expect((await get(port, '/now/again')).body).toBe('now again')
})
