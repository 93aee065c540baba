// Proves that a Unix socket is restarted as a port is: its path is there all the time and leads to
// somebody who answers, has the rights that were asked for, and is gone when the last generation is.
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Program } from '@endless/load'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  connectRaw,
  get,
  openGate,
  startAnswering,
  startFixture,
  startProgram,
  temporaryDirectory,
  until,
  waitForGate,
} from '../helpers/index.js'

const deadlineMs = 15_000
const isRoot = process.getuid?.() === 0

const fixture = (name: string) => new URL(`../fixtures/${name}`, import.meta.url).href

describe('a path', () => {
  test.each<[string, (path: string) => unknown[]]>([
    ['listen(path)', (path) => [path]],
    ['listen(path, backlog)', (path) => [path, 64]],
    ['listen({ path, backlog })', (path) => [{ path, backlog: 64 }]],
    ['listen(path), relative', (path) => [`./${path.slice(path.lastIndexOf('/') + 1)}`]],
  ])('of %s answers in each generation, and goes with the last', async (_, call) => {
    const { program, directory, socket } = await start({ listen: call })
    const given = call(socket)[0] as string | { path: string }
    const asked = typeof given === 'string' ? given : given.path
    const inode = lstatSync(socket).ino
    for (const number of [0, 1, 2]) {
      if (number > 0) program.signal('SIGHUP')
      expect(await program.waitForGeneration(number, { deadlineMs })).toMatchObject({
        atOnce: [asked],
        addresses: [asked],
        names: [`unix:${socket}`],
      })
      expect(await answers(socket)).toBe(`generation ${number}`)
      expect(program.stderr).toContain(`serves unix:${socket}`)
    }
    expect(lstatSync(socket).ino).toBe(inode)
    expect(readdirSync(directory)).toEqual(['app.sock', 'servers.json'])
    await stop(program)
    expect(readdirSync(directory)).toEqual(['servers.json'])
  })

  test("is listened on by Go's name for it, and that is its address", async () => {
    const directory = temporaryDirectory()
    const socket = path.join(directory, 'app.sock')
    const program = deploy(
      directory,
      `const server = await listenAndServe('unix:${socket}', answer)
       report('serving', { address: server.address, name: server.server.address() })`,
    )
    for (const generation of [0, 1]) {
      if (generation > 0) program.signal('SIGHUP')
      const serving = await program.waitForEvent(
        (each) => each.event === 'serving' && each['generation'] === generation,
        { step: 'it serves', deadlineMs },
      )
      expect(serving).toMatchObject({ address: `unix:${socket}`, name: socket })
      await program.waitForGeneration(generation, { deadlineMs })
      expect(await answers(socket)).toBe(`generation ${generation}`)
    }
  })

  test('is there, and leads to somebody who answers, at every moment of five restarts', async () => {
    const { program, socket } = await start()
    const seen = new Set<string>()
    const failures: unknown[] = []
    let isOver = false
    const loops = [0, 1, 2].map(async () => {
      while (!isOver) {
        await answers(socket).then(
          (generation) => seen.add(generation),
          (error: unknown) => failures.push(error),
        )
      }
    })
    for (const number of [1, 2, 3, 4, 5]) {
      program.signal('SIGHUP')
      await program.waitForGeneration(number, { deadlineMs })
      await until(() => seen.has(`generation ${number}`), { step: 'it answers', deadlineMs })
    }
    isOver = true
    await Promise.all(loops)
    expect(failures).toEqual([])
    expect(seen.size).toBe(6)
  })

  test('is restarted, and removed at the end, where the system tells no time of birth', async () => {
    const directory = temporaryDirectory()
    const socket = path.join(directory, 'app.sock')
    const file = path.join(directory, 'servers.json')
    const options = { socketMode: 0o600, control: path.join(directory, 'control.sock') }
    writeFileSync(file, JSON.stringify({ listen: [[socket]], options }))
    const program = startFixture('serves-what-a-file-says.mjs', {
      execArgv: ['--require', fileURLToPath(fixture('without-statx.cjs'))],
      args: [file],
    })
    const { ino } = await program.waitForGeneration(0, { deadlineMs }).then(() => lstatSync(socket))
    for (const number of [1, 2]) {
      const { pid } = program.current
      program.signal('SIGHUP')
      await program.waitForGeneration(number, { deadlineMs })
      await program.waitForEnd(pid, { step: 'the predecessor exits', deadlineMs })
      expect(await answers(socket)).toBe(`generation ${number}`)
      expect(lstatSync(socket).ino).toBe(ino)
    }
    expect(program.stderr).not.toContain('was removed')
    await stop(program)
    expect(readdirSync(directory)).toEqual(['servers.json'])
  })

  test('that a release no longer wants is removed', async () => {
    const other = (socket: string) => `${socket.slice(0, -'.sock'.length)}.2`
    const listen = (socket: string) => [other(socket)]
    const { program, write, directory, socket } = await start({ options: { unclaimedGraceMs: 50 } })
    write([listen(socket)], { unclaimedGraceMs: 50, allowAddressChange: true })
    program.signal('SIGHUP')
    await program.waitForGeneration(1, { deadlineMs })
    const line = `Nothing listens on unix:${socket} any more.`
    await until(() => program.stderr.includes(line), { step: 'the log has it', deadlineMs })
    expect(readdirSync(directory)).toEqual(['app.2', 'servers.json'])
    expect(await answers(other(socket))).toBe('generation 1')
  })

  test('that somebody has removed is there again after a restart', async () => {
    const { program, socket } = await start()
    rmSync(socket)
    program.signal('SIGHUP')
    await program.waitForGeneration(1, { deadlineMs })
    expect(await answers(socket)).toBe('generation 1')
    await stop(program)
    expect(() => lstatSync(socket)).toThrow('ENOENT')
  })

  test('that is the socket of somebody else by then is not removed', async () => {
    const { program, socket } = await start()
    rmSync(socket)
    await listenOn(socket)
    await stop(program)
    expect(lstatSync(socket).isSocket()).toBe(true)
  })

  test('behind a link that a deploy switches is known by its link', async () => {
    const directory = temporaryDirectory()
    for (const release of ['1', '2']) mkdirSync(path.join(directory, release))
    const current = path.join(directory, 'current')
    symlinkSync('1', current)
    const file = path.join(directory, 'servers.json')
    writeFileSync(file, JSON.stringify({ listen: [['../app.sock']] }))
    const program = startFixture('serves-what-a-file-says.mjs', {
      args: [file],
      cwd: current,
      env: { PWD: current },
    })
    const socket = path.join(directory, 'app.sock')
    for (const number of [0, 1]) {
      if (number > 0) {
        rmSync(current)
        symlinkSync('2', current)
        program.signal('SIGHUP')
      }
      const { names } = await program.waitForGeneration(number, { deadlineMs })
      expect(names).toEqual([`unix:${socket}`])
      expect(await answers(socket)).toBe(`generation ${number}`)
    }
  })

  test.each([
    ['SIGTERM', 'SIGKILL'],
    ['SIGKILL', 'SIGTERM'],
  ] as const)(
    'is taken by the next program, whether %s or %s ended the last',
    async (first, second) => {
      const { program, socket } = await start()
      program.signal(first)
      await program.waitForExit({ step: 'it exits', deadlineMs })
      const isLeft = first === 'SIGKILL'
      expect(readdirSync(path.dirname(socket)).includes('app.sock')).toBe(isLeft)
      const next = startFixture('serves-what-a-file-says.mjs', {
        args: [path.join(path.dirname(socket), 'servers.json')],
      })
      await next.waitForGeneration(0, { deadlineMs })
      expect(await answers(socket)).toBe('generation 0')
      next.signal(second)
      await next.waitForExit({ step: 'it exits', deadlineMs })
      expect(readdirSync(path.dirname(socket)).includes('app.sock')).toBe(!isLeft)
    },
  )
})

describe('a path that is in use', () => {
  test.each<[string, (file: string) => unknown]>([
    ['by a process that listens', (file) => listenOn(file)],
    ['by a file', (file) => writeFileSync(file, 'text')],
    ['by a link', (file) => symlinkSync('/nowhere', file)],
    ['by a directory', (file) => mkdirSync(file)],
  ])('%s is EADDRINUSE, as with Node alone, and left alone', async (_, use) => {
    const directory = temporaryDirectory()
    const socket = path.join(directory, 'app.sock')
    await use(socket)
    const { ino } = lstatSync(socket)
    const bare = await new Promise<object>((resolve) => {
      net.createServer().on('error', resolve).listen(socket)
    })
    const program = deploy(
      directory,
      `const { server } = endless(answer)
       server.on('error', (error) => report('error', { ...error, message: error.message }))
       server.listen('${socket}')`,
    )
    const error = await program.waitForEvent('error', { step: 'the error', deadlineMs })
    expect(error).toMatchObject({ ...bare, message: (bare as Error).message, code: 'EADDRINUSE' })
    await program.waitForExit({ step: 'it has nothing to do', deadlineMs })
    expect(lstatSync(socket).ino).toBe(ino)
    expect(readdirSync(directory)).toEqual(['app.mjs', 'app.sock'])
  })

  test('by a dead process goes to exactly one of several that start at once', async () => {
    const { program, socket } = await start()
    program.signal('SIGKILL')
    await program.waitForExit({ step: 'it is dead', deadlineMs })
    const directory = temporaryDirectory()
    const program2 = deploy(
      directory,
      `const servers = Array.from({ length: 8 }, () => endless(answer).server)
       const outcomes = servers.map((server) => new Promise((resolve) => {
         server.once('listening', () => resolve('listening')).once('error', ({ code }) => resolve(code))
         server.listen('${socket}')
       }))
       report('outcomes', { outcomes: await Promise.all(outcomes) })`,
    )
    const { outcomes } = await program2.waitForEvent('outcomes', { step: 'all tried', deadlineMs })
    expect((outcomes as string[]).sort()).toEqual([
      ...Array<string>(7).fill('EADDRINUSE'),
      'listening',
    ])
    expect(await answers(socket)).toBe('generation 0')
  })

  test('in a successor that wants one more is a rollback', async () => {
    const { program, write, socket } = await start({ options: { readyTimeoutMs: 1_000 } })
    const other = `${socket}.2`
    await listenOn(other)
    write([[socket], [other]])
    program.signal('SIGHUP')
    await program.waitForEvent('restart-failed', { step: 'it fails', deadlineMs })
    expect(await answers(socket)).toBe('generation 0')
    expect(lstatSync(other).isSocket()).toBe(true)
  })
})

describe('a restart on a path', () => {
  test('moves idle connections, twice, and closes none', async () => {
    const { program, socket } = await start()
    const clients = await Promise.all(Array.from({ length: 300 }, () => connectRaw(socket)))
    onTestFinished(() => clients.forEach((client) => client.destroy()))
    for (const number of [1, 2]) {
      for (const client of clients) client.request()
      await Promise.all(clients.map((client) => client.waitForResponses(number)))
      const { pid } = program.current
      program.signal('SIGHUP')
      await program.waitForGeneration(number, { deadlineMs })
      // It exits when its last connection has gone.
      await program.waitForEnd(pid, { step: 'the predecessor exits', deadlineMs })
    }
    for (const client of clients) client.request()
    const last = await Promise.all(clients.map((client) => client.waitForResponses(3)))
    expect(new Set(last.map((responses) => String(responses[2]?.body)))).toEqual(
      new Set(['generation 2']),
    )
    expect(clients.filter(({ endedBy }) => endedBy !== undefined)).toEqual([])
  })

  test.each([
    ['ends by itself', 'process.exit(3)'],
    ['is told to stop, and drains', ''],
  ])('whose successor listens and then %s leaves the path as it was', async (_, end) => {
    const directory = temporaryDirectory()
    const socket = path.join(directory, 'app.sock')
    const program = deploy(
      directory,
      `endless(answer, { ready: 'manual', readyTimeoutMs: 3_000 }).listen('${socket}')
       if (generation.number === 0) generation.ready()
       else {
         await gate('listens')
         ${end}
       }`,
    )
    await program.waitForGeneration(0, { deadlineMs })
    const { ino } = lstatSync(socket)
    program.signal('SIGHUP')
    await openGate(await waitForGate(program, 1))
    await program.waitForEvent('restart-failed', { step: 'it fails', deadlineMs })
    expect(lstatSync(socket).ino).toBe(ino)
    expect(await answers(socket)).toBe('generation 0')
  })

  test('whose release removes the path before it listens works, also when the release fails', async () => {
    const directory = temporaryDirectory()
    const socket = path.join(directory, 'app.sock')
    const bad = path.join(directory, 'bad')
    const program = deploy(
      directory,
      `import { existsSync, rmSync } from 'node:fs'
       rmSync('${socket}', { force: true })
       endless(answer).listen('${socket}')
       if (existsSync('${bad}')) process.exit(3)`,
    )
    await program.waitForGeneration(0, { deadlineMs })
    writeFileSync(bad, '')
    program.signal('SIGHUP')
    await program.waitForEvent('restart-failed', { step: 'it fails', deadlineMs })
    // What the dead successor has left there is taken from it first.
    const isThere = () => answers(socket).catch(() => undefined)
    expect(await until(isThere, { step: 'it answers', deadlineMs })).toBe('generation 0')
    expect(program.stderr).toContain(`${socket} was removed: binding it again.`)
    rmSync(bad)
    program.signal('SIGHUP')
    await program.waitForGeneration(1, { deadlineMs })
    expect(await answers(socket)).toBe('generation 1')
    await stop(program)
    expect(readdirSync(directory)).toEqual(['app.mjs'])
  })

  test('whose successor is killed in the drain is answered by the predecessor again, which removes the path at its end', async () => {
    const socket = path.join(temporaryDirectory(), 'app.sock')
    const service = await startAnswering({ listen: [socket] })
    const { program } = service
    const { ino } = lstatSync(socket)
    const client = await connectRaw(socket)
    client.request('/wait/held')
    await service.waitForRequest('held')
    await service.drain('SIGHUP')
    // As if it were killed while it binds a socket beside the path.
    const bindPlace = `.endless-${String(program.current.pid)}-a1B2c3`
    mkdirSync(path.join(path.dirname(socket), bindPlace), { mode: 0o700 })
    program.signal('SIGKILL')
    await service.waitFor('restart-failed')
    expect((await get(0, '/now/again', { socketPath: socket })).body).toBe('now again')
    const isCleared = () => !readdirSync(path.dirname(socket)).includes(bindPlace)
    await until(isCleared, { step: 'what it left is removed', deadlineMs })
    expect(lstatSync(socket).ino).toBe(ino)
    await service.answer('held')
    await client.waitForResponses(1)
    client.destroy()
    program.signal('SIGTERM', program.pid)
    await service.waitForExit()
    expect(() => lstatSync(socket)).toThrow('ENOENT')
  })

  test('whose successor is killed after it had dropped the path: the predecessor listens there again', async () => {
    const options = { unclaimedGraceMs: 50, allowAddressChange: true }
    const { program, write, socket } = await start({ options })
    const other = `${socket}.2`
    write([[other]], options)
    const client = await connectRaw(socket)
    client.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nha')
    await until(() => client.received.includes('ha'), { step: 'it is busy', deadlineMs })
    program.signal('SIGHUP')
    await program.waitForGeneration(1, { deadlineMs })
    await expect(answers(socket)).rejects.toMatchObject({ code: 'ENOENT' })
    program.signal('SIGKILL')
    await program.waitForEvent('restart-failed', { step: 'it is noticed', deadlineMs })
    const isThere = () => answers(socket).catch(() => undefined)
    expect(await until(isThere, { step: 'it answers', deadlineMs })).toBe('generation 0')
    client.write('lf')
    await client.waitForResponses(1)
  })

  test('removes it at once in a shutdown, and the hammer ends what is left', async () => {
    const socket = path.join(temporaryDirectory(), 'app.sock')
    const service = await startAnswering({ listen: [socket], options: { hammerTimeMs: 300 } })
    const client = await connectRaw(socket)
    client.request('/wait/stuck')
    await service.waitForRequest('stuck')
    await service.drain('SIGTERM')
    expect(() => lstatSync(socket)).toThrow('ENOENT')
    expect(await service.waitForExit()).toMatchObject({ reason: 'shutdown', hammered: 1 })
    await client.waitForEnd()
  })
})

describe('the rights of a path', () => {
  const mode = (file: string) => lstatSync(file).mode & 0o777

  test('are the ones that were asked for whenever it is there, and those of the next release after it', async () => {
    const directory = temporaryDirectory()
    const socket = path.join(directory, 'app.sock')
    const file = path.join(directory, 'servers.json')
    const group = isRoot ? 4711 : process.getgid!()
    const write = (socketMode: number) => {
      const options = { socketMode, socketOwner: { gid: group } }
      writeFileSync(file, JSON.stringify({ listen: [[socket]], options }))
    }
    write(0o600)
    const program = startFixture('serves-what-a-file-says.mjs', { args: [file] })
    const seen = new Set<string>()
    await until(
      () => {
        const endMs = performance.now() + 20
        while (performance.now() < endMs) {
          const stats = lstatSync(socket, { throwIfNoEntry: false })
          if (stats) seen.add(`${(stats.mode & 0o777).toString(8)} ${stats.gid}`)
        }
        return program.generations.length > 0
      },
      { step: 'it serves', deadlineMs, everyMs: 1 },
    )
    expect([...seen]).toEqual([`600 ${group}`])
    write(0o660)
    program.signal('SIGHUP')
    await program.waitForGeneration(1, { deadlineMs })
    expect(mode(socket)).toBe(0o660)
    expect(await answers(socket)).toBe('generation 1')
  })

  test('are not those of a file that a link in its place leads to', async () => {
    const directory = temporaryDirectory()
    const socket = path.join(directory, 'app.sock')
    const precious = path.join(directory, 'precious')
    writeFileSync(precious, '', { mode: 0o600 })
    const program = deploy(
      directory,
      `endless(answer, { socketMode: 0o666, ready: 'manual' }).listen('${socket}')
       if (generation.number > 0) await gate('listens')
       generation.ready()`,
    )
    await program.waitForGeneration(0, { deadlineMs })
    expect(mode(socket)).toBe(0o666)
    program.signal('SIGHUP')
    const gate = await waitForGate(program, 1)
    renameSync(socket, `${socket}.kept`)
    symlinkSync(precious, socket)
    await openGate(gate)
    await program.waitForGeneration(1, { deadlineMs })
    expect(mode(precious)).toBe(0o600)
    const line = `Cannot set the rights of ${socket}: another file is there by now, which is left as it is`
    await until(() => program.stderr.includes(line), { step: 'the log has it', deadlineMs })
    expect(await answers(`${socket}.kept`)).toBe('generation 1')
  })

  test.each(['readableAll', 'writableAll'])(
    'are widened by %s of the call, as with Node alone',
    async (name) => {
      const { socket } = await start({ listen: (path) => [{ path, [name]: true }] })
      const bare = net.createServer().listen({ path: `${socket}.2`, [name]: true })
      onTestFinished(() => void bare.close())
      expect(mode(socket)).toBe(mode(`${socket}.2`))
    },
  )

  test.runIf(isRoot)(
    'that the system refuses are an error of listen, and nothing is left',
    async () => {
      const directory = temporaryDirectory()
      chmodSync(directory, 0o777)
      const program = deploy(
        directory,
        `const { server } = endless(answer, { socketOwner: { uid: 0 } })
       server.on('error', ({ code, message }) => report('error', { code, message }))
       process.setuid(65534)
       server.listen('${directory}/app.sock')`,
      )
      expect(await program.waitForEvent('error', { step: 'the error', deadlineMs })).toMatchObject({
        code: 'EPERM',
        message: `listen EPERM: operation not permitted ${directory}/app.sock`,
      })
      expect(readdirSync(directory)).toEqual(['app.mjs'])
    },
  )
})

test.runIf(process.platform === 'linux')('an abstract socket survives restarts', async () => {
  const name = `endless-test-${process.pid}`
  const { program } = await start({ listen: () => [`\0${name}`] })
  for (const number of [0, 1, 2]) {
    if (number > 0) program.signal('SIGHUP')
    expect(await program.waitForGeneration(number, { deadlineMs })).toMatchObject({
      atOnce: [`\0${name}`],
      names: [`unix:@${name}`],
    })
    expect(await answers(`\0${name}`)).toBe(`generation ${number}`)
  }
  await stop(program)
  await expect(answers(`\0${name}`)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

async function start({
  listen = (socket: string): unknown[] => [socket],
  options = {},
}: { listen?: (socket: string) => unknown[]; options?: object } = {}) {
  const directory = temporaryDirectory()
  const file = path.join(directory, 'servers.json')
  const socket = path.join(directory, 'app.sock')
  const write = (listen: unknown[][], options: object = {}) =>
    writeFileSync(file, JSON.stringify({ listen, options }))
  write([listen(socket)], options)
  const program = startFixture('serves-what-a-file-says.mjs', { args: [file], cwd: directory })
  await program.waitForGeneration(0, { deadlineMs })
  return { program, directory, socket, write }
}

/** Starts a program of which only the servers are left to be said. */
function deploy(directory: string, servers: string): Program {
  const file = path.join(directory, 'app.mjs')
  writeFileSync(
    file,
    `import { endless, generation, listenAndServe } from '${import.meta.resolve('@endless/core')}'
     import { answer, gate, report, reportLife } from '${fixture('support.mjs')}'
     reportLife()
     ${servers}`,
  )
  return startProgram({ args: [file] })
}

/** Connects anew and answers who is there. */
async function answers(socketPath: string): Promise<string> {
  return (await get(0, '/', { socketPath })).body
}

/** Ends the newest generation by SIGTERM. */
async function stop(program: Program): Promise<void> {
  const { pid } = program.current
  program.signal('SIGTERM', pid)
  await program.waitForEnd(pid, { step: 'the last generation exits', deadlineMs })
}

/** Listens as somebody else. */
async function listenOn(file: string): Promise<net.Server> {
  const server = net.createServer((socket) => socket.on('error', () => undefined))
  server.listen(file)
  onTestFinished(() => void server.close())
  await until(() => server.listening, { step: 'somebody listens', deadlineMs })
  return server
}
