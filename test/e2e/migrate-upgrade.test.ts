// Proves that a program can give an upgraded connection to its successor together with its state, that nothing of it is
// lost, and that one which cannot go stays as it was.
import { describe, expect, test } from 'vitest'
import { startAnswering, until, type Answering, type RawClient } from '../helpers/index.js'

const deadlineMs = 15_000
const head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n'

describe('moves', () => {
  test('a tunnel goes on in the successor, with its state, and its predecessor exits', async () => {
    const program = await start()
    const client = await tunnel(program, 'a')
    await echo(client, 'before', 0)
    await program.drain('SIGHUP')
    expect(await migrate(program)).toBe(true)
    expect(await adopted(program, 1)).toMatchObject({
      name: 'a',
      heard: 6,
      isOurs: true,
      isPaused: true,
    })
    await echo(client, 'after', 1)
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
    await echo(client, 'alone', 1)
    client.end()
    expect(await client.waitForEnd()).toBe('fin')
  })

  test('200 tunnels whose clients go on writing move at once, and each hears its echo whole and in order', async () => {
    const program = await start()
    const names = Array.from({ length: 200 }, (_, index) => String(index))
    const clients = await Promise.all(names.map((name) => tunnel(program, name)))
    const parts = Array.from({ length: 40 }, (_, index) => `<${index}>`)
    const writing = clients.map(async (client) => {
      for (const part of parts) {
        client.write(part)
        const sent = parts.indexOf(part) + 1
        await until(() => sentBack(client).split('>').length > sent, {
          step: 'an echo',
          deadlineMs,
          everyMs: 1,
        })
      }
    })
    await program.drain('SIGHUP')
    await program.command('migrate-all')
    await Promise.all(writing)
    for (const client of clients) expect(sentBack(client)).toBe(parts.join(''))
    // Not by its last words, which a process that exits may lose (Node 26).
    const exit = await program.program.waitForExit({ step: 'generation 0 exits', deadlineMs })
    expect(exit).toMatchObject({ code: 0 })
    const adoptions = program.program.events.filter(({ event }) => event === 'adopt')
    expect(adoptions.map(({ name }) => name).sort()).toEqual(names.sort())
  })

  test('what was read and not heard, what was not read, and what comes on the way, all goes along', async () => {
    const program = await start()
    const client = await tunnel(program, 'a')
    await program.drain('SIGHUP')
    await program.command('pause', { name: 'a' })
    const numbers = Array.from({ length: 100_000 }, (_, index) => `${index},`)
    const text = numbers.join('')
    client.write(text)
    await until(() => program.command('buffered', { name: 'a' }), {
      step: 'it is read',
      deadlineMs,
    })
    expect(await migrate(program)).toBe(true)
    await until(() => sentBack(client).length >= text.length, { step: 'all is back', deadlineMs })
    expect(sentBack(client) === text).toBe(true)
    expect(client.received.subarray(head.length, head.length + 2).toString()).toBe('1:')
  })

  test('what was written before is sent first, also to a client that is slow to read', async () => {
    const program = await start()
    const client = await tunnel(program, 'a')
    await program.drain('SIGHUP')
    client.socket.pause()
    const count = 20_000_000
    await program.command('write', { name: 'a', count: String(count) })
    await program.command('migrate', { name: 'a' })
    expect(await program.command('unsent', { name: 'a' })).toBeGreaterThan(0)
    client.write('next')
    client.socket.resume()
    await until(() => client.received.length === head.length + count + '1:next'.length, {
      step: 'all has come',
      deadlineMs,
    })
    expect(client.received.subarray(-6).toString()).toBe('1:next')
    expect(await moved(program)).toBe(true)
  })

  test('from the call on the program hears nothing more, also when it resumes the socket', async () => {
    const program = await start()
    const client = await tunnel(program, 'a')
    await program.drain('SIGHUP')
    await program.command('pause', { name: 'a' })
    client.write('early')
    await until(() => program.command('buffered', { name: 'a' }), {
      step: 'it is read',
      deadlineMs,
    })
    // It waits until all that was written has left, and so until the client reads.
    client.socket.pause()
    const count = 20_000_000
    await program.command('write', { name: 'a', count: String(count) })
    await program.command('migrate', { name: 'a' })
    await program.command('resume', { name: 'a' })
    client.socket.resume()
    await heard(client, '1:early')
    expect(client.received.length).toBe(head.length + count + '1:early'.length)
  })

  test('the FIN of a client that comes on the way is heard by the successor', async () => {
    const program = await start()
    const client = await tunnel(program, 'a')
    await program.drain('SIGHUP')
    const successor = program.program.current.pid
    program.program.signal('SIGSTOP', successor)
    await program.command('migrate', { name: 'a' })
    client.write('last')
    client.end()
    program.program.signal('SIGCONT', successor)
    expect(await moved(program)).toBe(true)
    expect(await client.waitForEnd()).toBe('fin')
    expect(sentBack(client)).toBe('last')
  })

  test('a state of 1 MiB goes along, one byte more is refused, and the tunnel works on', async () => {
    const program = await start()
    const client = await tunnel(program, 'a')
    await program.drain('SIGHUP')
    const size = 1024 * 1024
    await program.command('migrate', { name: 'a', size: String(size + 1) })
    expect(await moved(program)).toBe('ERR_ENDLESS_INVALID_STATE')
    await echo(client, 'still', 0)
    await program.command('migrate', { name: 'a', size: String(size) })
    await echo(client, 'gone', 1)
  })

  test('two calls at a time are one', async () => {
    const program = await start()
    const client = await tunnel(program, 'a')
    await program.drain('SIGHUP')
    program.program.signal('SIGSTOP', program.program.current.pid)
    await program.command('migrate', { name: 'a' })
    await program.command('migrate', { name: 'a' })
    program.program.signal('SIGCONT', program.program.current.pid)
    await echo(client, 'once', 1)
    await program.waitForExit()
    const results = program.program.events.filter(({ event }) => event === 'migrated')
    expect(results.map(({ result }) => result)).toEqual([true, true])
  })

  test('through a successor that is itself being replaced, a tunnel ends up in the newest', async () => {
    const program = await start({ passesOn: 1 })
    const client = await tunnel(program, 'a')
    await program.drain('SIGHUP')
    const middle = program.program.current.pid
    program.program.signal('SIGHUP', middle)
    await program.program.waitForGeneration(2, { deadlineMs })
    expect(await migrate(program)).toBe(true)
    await adopted(program, 2)
    await echo(client, 'newest', 2)
    await program.waitForExit()
    await program.program.waitForEnd(middle, { step: 'generation 1 exits', deadlineMs })
  })

  test('a silent tunnel that was adopted counts as upgraded: no grace ends it, and the hammer does', async () => {
    const program = await start({ options: { idleGraceMs: 0, hammerTimeMs: 1_000 } })
    const client = await tunnel(program, 'a')
    await program.drain('SIGHUP')
    expect(await migrate(program)).toBe(true)
    await program.waitForExit()
    const { pid } = program.program.current
    program.program.signal('SIGTERM', pid)
    const eventOf = (name: string) =>
      program.program.waitForEvent((each) => each.event === name && each.pid === pid, {
        step: `${name} of generation 1`,
        deadlineMs,
      })
    expect(await eventOf('drain')).toMatchObject({ upgraded: 1 })
    expect(await eventOf('hammer')).toMatchObject({ destroyed: 1 })
    await client.waitForEnd()
  })
})

describe('stays, and works on', () => {
  test('while nobody drains', async () => {
    const program = await start()
    const client = await tunnel(program, 'a')
    expect(await migrate(program)).toBe(false)
    await echo(client, 'here', 0)
  })

  test('in a plain shutdown', async () => {
    const program = await start()
    const client = await tunnel(program, 'a')
    await program.drain('SIGTERM')
    expect(await migrate(program)).toBe(false)
    await echo(client, 'here', 0)
    client.end()
    await program.waitForExit()
  })

  test.each([
    ['over TLS', { tls: true }],
    ['over TLS that another server has accepted', { tls: true, emitsTls: true }],
    ['if the successor listens to no adopt', { deaf: 1 }],
  ] as const)('%s', async (_, settings) => {
    const program = await start(settings)
    const client = await tunnel(program, 'a')
    await program.drain('SIGHUP')
    expect(await migrate(program)).toBe(false)
    await echo(client, 'here', 0)
    client.end()
    expect(await program.waitForExit()).toMatchObject({ hammered: 0 })
  })

  test('if the program destroys it while the successor has yet to answer: the call settles', async () => {
    const program = await start()
    const client = await tunnel(program, 'a')
    const waiting = await tunnel(program, 'b')
    await program.drain('SIGHUP')
    const successor = program.program.current.pid
    program.program.signal('SIGSTOP', successor)
    for (const name of ['a', 'b']) await program.command('migrate', { name })
    await program.command('destroy', { name: 'a' })
    expect(await moved(program)).toBe(false)
    program.program.signal('SIGCONT', successor)
    await echo(waiting, 'next', 1)
    client.destroy()
    await program.waitForExit()
  })

  test('if the successor dies before it has acknowledged it; what came meanwhile is heard here', async () => {
    const program = await start()
    const clients = await Promise.all(
      Array.from({ length: 40 }, (_, index) => tunnel(program, String(index))),
    )
    await program.drain('SIGHUP')
    const successor = program.program.current.pid
    program.program.signal('SIGSTOP', successor)
    await program.command('migrate-all')
    for (const client of clients) client.write('meanwhile')
    program.program.signal('SIGKILL', successor)
    await Promise.all(clients.map((client) => heard(client, '0:meanwhile')))
    const { results } = await program.waitFor('migrated-all')
    expect(results).toEqual(clients.map(() => false))
    await Promise.all(clients.map((client) => echo(client, 'again', 0)))
  })
})

function start(settings: Parameters<typeof startAnswering>[0] = {}): Promise<Answering> {
  return startAnswering(settings, 'moves-tunnels.mjs')
}

/** Has the tunnel `a` given away; resolves with what came of it. */
async function migrate(program: Answering): Promise<unknown> {
  await program.command('migrate', { name: 'a' })
  return moved(program)
}

async function moved(program: Answering): Promise<unknown> {
  const { result } = await program.waitFor('migrated')
  return result
}

async function tunnel(program: Answering, name: string): Promise<RawClient> {
  const client = await program.connect()
  client.request(`/${name}`, { headers: 'Connection: upgrade\r\nUpgrade: echo\r\n' })
  await client.waitForResponses(1)
  return client
}

/** What came back through a tunnel, without the generations in front of each part. */
function sentBack(client: RawClient): string {
  return client.received.subarray(head.length).toString('latin1').replace(/\d:/g, '')
}

/** Sends something, and waits until that generation has sent it back. */
async function echo(client: RawClient, text: string, generation: number): Promise<void> {
  client.write(text)
  await heard(client, `${generation}:${text}`)
}

async function heard(client: RawClient, text: string): Promise<void> {
  await until(() => client.received.subarray(-text.length).toString() === text, {
    step: `the client hears ${text}`,
    deadlineMs,
    explain: () => client.received.toString('latin1').slice(-1_000),
  })
}

function adopted(program: Answering, generation: number) {
  return program.program.waitForEvent(
    (each) => each.event === 'adopt' && each['generation'] === generation,
    { step: `generation ${generation} adopts`, deadlineMs },
  )
}
