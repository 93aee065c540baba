// Proves that a service answers over its control socket, whether a generation or a supervisor listens there: in JSON,
// to nobody but its own user, and so that nothing that is sent there costs the service anything.
import { existsSync, mkdirSync, chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ServiceStatus } from '@endless/core/for-cli'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  connectRaw,
  get,
  hasExited,
  openGate,
  runEndless,
  startFixture,
  superviseFixture,
  temporaryDirectory,
  until,
  waitForGate,
  type Program,
} from '../helpers/index.js'

const deadlineMs = 15_000
const fixture = fileURLToPath(new URL('../fixtures/dies-as-told.mjs', import.meta.url))

interface Service {
  program: Program
  port: number
  /** While it exists, each generation that starts dies. */
  broken: string
  pidFile: string
  control: string
}

type How = 'alone' | 'under a supervisor'

async function start(how: How, options: object = {}): Promise<Service> {
  const directory = temporaryDirectory()
  const broken = path.join(directory, 'broken')
  const pidFile = path.join(directory, 'app.pid')
  const args = [broken, JSON.stringify({ pidFile, ...options })]
  const program = (how === 'alone' ? startFixture : superviseFixture)('dies-as-told.mjs', { args })
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  const control = `${pidFile}.sock`
  // Under a supervisor it is opened when that has heard that the generation serves.
  await until(() => existsSync(control), { step: 'the control socket is there', deadlineMs })
  return { program, port, broken, pidFile, control }
}

async function ask(
  { control }: Pick<Service, 'control'>,
  method: 'GET' | 'POST',
  target: string,
  options: { body?: string } = {},
) {
  const response = await get(0, target, { socketPath: control, method, deadlineMs, ...options })
  expect(response.headers['endless-control']).toBe('1')
  expect(response.headers['content-type']).toBe('application/json')
  return { ...response, body: JSON.parse(response.body) as Record<string, unknown> }
}

async function statusOf(service: Pick<Service, 'control'>): Promise<ServiceStatus> {
  const { status, body } = await ask(service, 'GET', '/status')
  expect(status).toBe(200)
  return body as unknown as ServiceStatus
}

/** The first process is the one that answers only as long as it serves, or is the supervisor. */
const answering = ({ program }: Service, how: How) =>
  how === 'alone' ? program.current.pid : program.pid

describe.each<How>(['alone', 'under a supervisor'])('a service %s', (how) => {
  test('tells its generations, connections by kind and requests; the socket is for its user alone', async () => {
    const service = await start(how)
    expect(statSync(service.control).mode & 0o777).toBe(0o600)
    const idle = await connectRaw(service.port)
    idle.request()
    await idle.waitForResponses(1)
    const busy = await connectRaw(service.port)
    busy.request('/wait')
    await service.program.waitForEvent('waiting', { step: 'a request waits', deadlineMs })

    const told = await statusOf(service)
    expect(told).toMatchObject({
      pid: answering(service, how),
      supervisor: how === 'alone' ? null : { pid: service.program.pid },
      lastRestart: null,
      lastDeath: null,
    })
    expect(told.generations).toHaveLength(1)
    expect(told.generations[0]).toMatchObject({
      number: 0,
      pid: service.program.current.pid,
      state: 'running',
      servers: [
        {
          address: `127.0.0.1:${service.port}`,
          state: 'running',
          connections: { open: 2, idle: 1, busy: 1, upgraded: 0, http2: 0, handshaking: 0 },
          requests: 1,
        },
      ],
    })
    expect(told.generations[0]!.memoryBytes).toBeGreaterThan(10_000_000)
    // No secrets: neither what it was started with nor its environment.
    expect(JSON.stringify(told)).not.toContain(service.broken)
    expect(JSON.stringify(told)).not.toContain(process.env['PATH'])
  })

  test('restarts, and answers when the new generation serves; nobody is refused there meanwhile', async () => {
    const service = await start(how)
    const { program, pidFile } = service
    for (const number of [1, 2, 3]) {
      const { status, body } = await ask(service, 'POST', '/restart')
      expect(status).toBe(200)
      expect(body).toMatchObject({ number, pid: expect.any(Number) as number })
      // At once: whoever reads the answer looks at these next.
      expect(readFileSync(pidFile, 'utf8')).toBe(
        `${how === 'alone' ? (body['pid'] as number) : program.pid}\n`,
      )
      const { generations, lastRestart } = await statusOf(service)
      expect(generations.find(({ state }) => state === 'running')).toMatchObject({ number })
      expect(lastRestart).toMatchObject({
        outcome: 'taken-over',
        number,
        pid: body['pid'],
        error: null,
      })
    }
  })

  test('answers ?wait=drained when the old generation is gone, and tells of it while it drains', async () => {
    const service = await start(how)
    const { program, port } = service
    const { pid } = program.current
    const busy = await connectRaw(port)
    busy.request('/wait')
    await program.waitForEvent('waiting', { step: 'a request waits', deadlineMs })
    let answered: number | undefined
    const restarting = ask(service, 'POST', '/restart?wait=drained').then((answer) => {
      answered = answer.status
      return answer
    })
    await program.waitForGeneration(1, { deadlineMs })
    await until(async () => (await statusOf(service)).generations.at(-1)?.number === 1, {
      step: 'the new one answers',
      deadlineMs,
    })
    const { generations } = await statusOf(service)
    expect(generations).toMatchObject([
      { number: 0, pid, state: 'shutting-down', servers: [{ requests: 1 }] },
      { number: 1, state: 'running' },
    ])
    expect(answered).toBeUndefined()
    expect((await ask(service, 'POST', '/hammer')).body).toEqual({ hammered: [0] })
    expect(await restarting).toMatchObject({ status: 200, body: { number: 1 } })
    expect(hasExited(pid)).toBe(true)
  })

  test('a restart that fails is answered with the reason, and the old generation serves', async () => {
    const service = await start(how)
    writeFileSync(service.broken, '')
    const { status, body } = await ask(service, 'POST', '/restart')
    expect(status).toBe(500)
    expect(body).toMatchObject({
      error: {
        code: 'ERR_ENDLESS_SUCCESSOR_EXITED',
        message: expect.stringContaining('RangeError: broken on purpose') as string,
      },
    })
    expect((await get(service.port)).body).toBe('generation 0')
    expect(await statusOf(service)).toMatchObject({
      generations: [{ number: 0, state: 'running' }],
      lastRestart: { outcome: 'failed', number: 1, error: { exitCode: 1 } },
    })
  })

  test('restarts that are asked for during another are done together, after it', async () => {
    const directory = temporaryDirectory()
    const pidFile = path.join(directory, 'app.pid')
    const launch = how === 'alone' ? startFixture : superviseFixture
    const program = launch('serves-when-told.mjs', { args: [JSON.stringify({ pidFile })] })
    await openGate(await waitForGate(program, 0))
    await program.waitForGeneration(0, { deadlineMs })
    const service = { control: `${pidFile}.sock` }
    await until(() => existsSync(service.control), { step: 'it can be asked', deadlineMs })

    const first = followed(service, '/restart')
    const gate = await waitForGate(program, 1)
    const others = [1, 2, 3].map(() => followed(service, '/restart'))
    // Asked later and answered: so the others have been heard.
    expect((await statusOf(service)).generations).toMatchObject([
      { number: 0, state: 'restarting' },
      { number: 1, state: 'booting' },
    ])
    await openGate(gate)
    await openGate(await waitForGate(program, 2))
    const answers = await Promise.all([first, ...others])
    expect(answers.map(({ status, body }) => [status, body['number']])).toEqual([
      [200, 1],
      [200, 2],
      [200, 2],
      [200, 2],
    ])
  })

  test('stops, and answers ?wait=drained with its end; nothing of it stays behind', async () => {
    const service = await start(how)
    expect((await ask(service, 'POST', '/stop?wait=drained')).status).toBe(200)
    expect(await service.program.waitForExit({ step: 'it ends', deadlineMs })).toMatchObject({
      code: 0,
    })
    expect(existsSync(service.pidFile)).toBe(false)
    expect(existsSync(service.control)).toBe(false)
  })

  test('what is no request, or too much of one, is refused and costs nothing', async () => {
    const service = await start(how)
    const { control } = service
    expect((await ask(service, 'GET', '/nothing')).status).toBe(404)
    expect((await ask(service, 'GET', '/constructor')).status).toBe(404)
    const wrong = await ask(service, 'GET', '/restart')
    expect(wrong).toMatchObject({ status: 405, headers: { allow: 'POST' } })
    expect(wrong.body).toMatchObject({ error: { code: 'ERR_ENDLESS_REQUEST_FAILED' } })
    expect((await ask(service, 'POST', '/restart?wait=for-ever')).status).toBe(400)
    expect((await ask(service, 'POST', '/hammer', { body: '{}' })).status).toBe(200)
    expect((await ask(service, 'POST', '/restart', { body: 'x'.repeat(2_000) })).status).toBe(413)

    const statuses = await Promise.all(
      [
        'this is no HTTP\r\n\r\n',
        '\0\0\0\0',
        `GET /status HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(10_000)}\r\n\r\n`,
        'GET // HTTP/1.1\r\nHost: x\r\n\r\n',
        'POST /stop HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      ].map(async (bytes) => {
        const client = await connectRaw(control)
        client.write(bytes)
        await client.waitForEnd({ deadlineMs })
        return /^HTTP\/1\.1 (\d+)/.exec(client.received.toString())?.[1]
      }),
    )
    expect(statuses).toEqual(['400', '400', '431', '404', '400'])

    // Half a request has not been made, also when its connection ends.
    const half = await connectRaw(control)
    half.write('POST /stop HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf')
    half.end()
    await half.waitForEnd({ deadlineMs })
    expect((await statusOf(service)).generations).toMatchObject([{ number: 0, state: 'running' }])
    expect((await get(service.port)).body).toBe('generation 0')
  })

  test('clients that never end their request are closed, and those beyond the bound at once', async () => {
    const service = await start(how)
    const slow = await Promise.all(Array.from({ length: 64 }, () => connectRaw(service.control)))
    for (const client of slow) client.write('GET /status HTTP/1.1\r\n')
    const late = await connectRaw(service.control)
    await late.waitForEnd()
    expect(late.received).toHaveLength(0)
    const command = runEndless(['status', '--control', service.control])
    expect(await command.waitForExit({ step: 'it is refused', deadlineMs })).toMatchObject({
      code: 1,
    })
    await command.end()
    expect(command.stderr).toMatch(/^endless: the service at \S+ .*has too many clients/)
    expect((await get(service.port)).status).toBe(200)
    await Promise.all(slow.map((client) => client.waitForEnd({ deadlineMs })))
    expect(slow[0]!.received.toString()).toMatch(/^HTTP\/1\.1 408 /)
    expect((await statusOf(service)).generations).toHaveLength(1)
  })
})

/** As `curl --location` does: another process may answer at the same path by now. */
async function followed(service: Pick<Service, 'control'>, target: string): ReturnType<typeof ask> {
  for (let location = target; ;) {
    const answer = await ask(service, 'POST', location)
    if (answer.status !== 307) return answer
    location = answer.headers.location!
    expect(location).toMatch(/^\/restart\?wait=ready(&waited)?$/)
  }
}

describe('the path', () => {
  test('is taken over when a dead process has left it, and left alone when a living one listens there', async () => {
    const first = await start('alone')
    const args = ['/nonexistent', JSON.stringify({ control: first.control })]
    const second = startFixture('dies-as-told.mjs', { args })
    await second.waitForGeneration(0, { deadlineMs })
    await second.waitForLine(/Cannot keep a control socket at .*: a living process listens there/, {
      step: 'it says so',
      deadlineMs,
    })
    expect(await statusOf(first)).toMatchObject({ pid: first.program.pid })

    first.program.kill()
    await first.program.waitForExit({ step: 'it is killed', deadlineMs })
    const third = startFixture('dies-as-told.mjs', { args })
    const { pid } = await third.waitForGeneration(0, { deadlineMs })
    await until(() => answersAt(first.control), { step: 'it has taken the path over', deadlineMs })
    expect(await statusOf(first)).toMatchObject({ pid })
  })

  test('of a living service is refused by endless run, before anything is started', async () => {
    const { control } = await start('under a supervisor')
    const second = runEndless(['run', '--control', control, fixture])
    expect(await second.waitForExit({ step: 'it ends', deadlineMs })).toMatchObject({ code: 2 })
    expect(second.stderr).toContain('a living process listens there')
    expect(await statusOf({ control })).toMatchObject({ generations: [{ number: 0 }] })
  })

  test('is the one that the command line says, whatever the application does', async () => {
    const directory = temporaryDirectory()
    const control = path.join(directory, 'run.sock')
    const pidFile = path.join(directory, 'app.pid')
    const program = superviseFixture('dies-as-told.mjs', {
      runArgs: ['--control', control],
      args: [
        '/nonexistent',
        JSON.stringify({ pidFile, control: path.join(directory, 'app.sock') }),
      ],
    })
    await program.waitForGeneration(0, { deadlineMs })
    await until(() => existsSync(pidFile), { step: 'the supervisor hears of it', deadlineMs })
    expect(readFileSync(pidFile, 'utf8')).toBe(`${program.pid}\n`)
    expect(await statusOf({ control })).toMatchObject({ pid: program.pid })
    expect(existsSync(path.join(directory, 'app.sock'))).toBe(false)
  })

  test('is refused where every user may write', async () => {
    const open = path.join(temporaryDirectory(), 'open')
    mkdirSync(open)
    chmodSync(open, 0o777)
    const args = ['/nonexistent', JSON.stringify({ control: path.join(open, 'app.sock') })]
    const program = startFixture('dies-as-told.mjs', { args })
    expect(await program.waitForExit({ step: 'it ends', deadlineMs })).toMatchObject({ code: 1 })
    expect(program.stderr).toContain('ERR_ENDLESS_CONTROL')
    expect(program.stderr).toContain('every user may write to its directory')
  })

  test('leads to the old generation again when the new one dies while the old one drains', async () => {
    const service = await start('alone')
    const { program, port } = service
    const busy = await connectRaw(port)
    busy.request('/wait')
    await program.waitForEvent('waiting', { step: 'a request waits', deadlineMs })
    const waiting = ask(service, 'POST', '/restart?wait=drained')
    await program.waitForGeneration(1, { deadlineMs })
    await get(port, '/kill').catch(() => undefined)
    expect(await waiting).toMatchObject({
      status: 500,
      body: { error: { code: 'ERR_ENDLESS_SUCCESSOR_EXITED' } },
    })
    await until(() => answersAt(service.control), { step: 'it answers again', deadlineMs })
    expect(await statusOf(service)).toMatchObject({
      pid: program.pid,
      lastRestart: { outcome: 'failed', number: 1 },
    })
  })
})

function answersAt(control: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(control, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
    onTestFinished(() => void socket.destroy())
  })
}
