// Proves what docs/workers.md says of socket.io: over WebSockets alone it needs nothing, and a session that polls is
// unknown to the other workers.
import { once } from 'node:events'
import { io, type Socket } from 'socket.io-client'
import { expect, onTestFinished, test } from 'vitest'
import { get, type Program, superviseFixture, until, withDeadline } from '../helpers/index.js'

const deadlineMs = 15_000

test('clients over WebSockets connect to any worker, and come back after a restart', async () => {
  const { program, port } = await start()
  const clients = await Promise.all(Array.from({ length: 20 }, () => open(port)))
  expect(new Set(await said(clients))).toEqual(new Set(['hi to generation 0']))

  const old = program.generations.map(({ pid }) => pid)
  program.signal('SIGHUP', program.pid)
  for (const pid of old) await program.waitForEnd(pid, { step: `${pid} ends`, deadlineMs })
  // Those that came back to a worker which had yet to restart are closed again, and hear nothing meanwhile.
  const areBack = async () => {
    const heard = await said(clients).catch(() => ['nothing'])
    return heard.every((each) => each === 'hi to generation 1')
  }
  await until(areBack, { step: 'all are answered by the new version', deadlineMs })
})

test('a session that polls is known to one worker alone', async () => {
  const { port } = await start('polling')
  const poll = '/socket.io/?EIO=4&transport=polling'
  const { sid } = JSON.parse((await get(port, poll)).body.slice(1)) as { sid: string }
  const refusals = async () => {
    // Each on a connection of its own, so that both workers get some.
    const asked = Array.from({ length: 20 }, () => get(port, `${poll}&sid=${sid}&j=x`))
    return (await Promise.all(asked)).filter(({ body }) => body.includes('Session ID unknown'))
  }
  await until(async () => (await refusals()).length > 0, { step: 'one is refused', deadlineMs })
})

async function start(...args: string[]): Promise<{ program: Program; port: number }> {
  const program = superviseFixture('speaks-socket-io.mjs', { runArgs: ['--workers', '2'], args })
  await until(() => program.generations.length === 2, {
    step: 'both workers serve',
    deadlineMs,
    explain: () => program.output.toString(),
  })
  return { program, port: program.current.port ?? 0 }
}

async function open(port: number): Promise<Socket> {
  const client = io(`http://127.0.0.1:${String(port)}`, {
    transports: ['websocket'],
    forceNew: true,
    reconnectionDelay: 100,
    reconnectionDelayMax: 300,
  })
  onTestFinished(() => {
    client.close()
  })
  await withDeadline(once(client as never, 'connect'), { step: 'it connects', deadlineMs })
  return client
}

function said(clients: Socket[]): Promise<string[]> {
  const answers = clients.map((client) => client.emitWithAck('say', 'hi') as Promise<string>)
  return withDeadline(Promise.all(answers), { step: 'all are answered', deadlineMs })
}
