// Proves that under `endless run` the pid stays whatever the generations do: restarts lose nothing, a generation that
// dies is replaced without anybody being refused, and nothing that a generation sends ends the supervisor.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLoad } from '@endless/load'
import { expect, test } from 'vitest'
import {
  connectRaw,
  endless,
  get,
  isAlive,
  openGate,
  runEndless,
  startProgram,
  superviseFixture,
  temporaryDirectory,
  until,
  waitForGate,
  type GateEvent,
  type Program,
  type ProgramEvent,
} from '../helpers/index.js'

const deadlineMs = 15_000

interface Service {
  /** Its first process is the supervisor. */
  program: Program
  port: number
  /** While it exists, each generation that starts dies. */
  broken: string
}

interface Sent {
  sent: number
  of: number
}

/** Resolves when the supervisor has heard that it serves: one that dies before has failed to start. */
async function start(options: object = {}): Promise<Service> {
  const directory = temporaryDirectory()
  const broken = path.join(directory, 'broken')
  const pidFile = path.join(directory, 'service.pid')
  const program = superviseFixture('dies-as-told.mjs', {
    args: [broken, JSON.stringify({ pidFile, ...options })],
  })
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  await until(() => existsSync(pidFile), {
    step: 'the supervisor writes its pid file',
    deadlineMs,
    explain: () => program.output.toString(),
  })
  return { program, port, broken }
}

/** Asks the generation that serves to end; it may be gone before it can answer. */
async function die({ port }: Service, way: string): Promise<void> {
  await get(port, way).catch(() => undefined)
}

/** Resolves with the pid of the next generation that says it serves. */
async function nextServing({ program }: Service, since: number): Promise<number> {
  const isNext = () => program.generations.length > since
  await until(isNext, {
    step: 'another generation serves',
    deadlineMs,
    explain: () => program.output.toString(),
  })
  return program.current.pid
}

test('restarts by SIGHUP to the pid that stays lose no request and close no connection', async () => {
  const { program, port } = await start()
  const load = createLoad({ port, keepAliveConnections: 30, freshPerSecond: 200, settleMs: 300 })
  load.start()
  for (const number of [1, 2, 3]) {
    await until(() => load.snapshot().answered > number * 100, { step: 'load', deadlineMs })
    const { pid } = program.current
    load.markRestart()
    program.signal('SIGHUP', program.pid)
    await program.waitForGeneration(number, { deadlineMs })
    await load.settled()
    await program.waitForEnd(pid, { step: 'the predecessor ends', deadlineMs })
  }
  const { failures, generations, connections } = await load.stop()
  expect(failures).toEqual([])
  expect(connections).toMatchObject({ closedAnnounced: 0, closedUnannounced: 0 })
  expect(generations.map(({ generation }) => generation)).toEqual([0, 1, 2, 3])
  expect(program.alive).toEqual([program.pid, program.current.pid])
  expect(program.stderr).not.toContain('exited with')

  program.signal('SIGTERM', program.pid)
  expect(await program.waitForExit({ step: 'it ends', deadlineMs })).toMatchObject({ code: 0 })
  expect(program.alive).toEqual([])
})

test.each([
  ['/exit?code=3', 'exited with code 3'],
  ['/exit?code=0', 'exited with code 0'],
  ['/throw', 'exited with code 1: RangeError: thrown on purpose'],
  ['/kill', 'was ended by SIGKILL'],
])(
  'a generation that dies by %s is replaced at once, and nobody is refused',
  async (way, reason) => {
    const service = await start()
    const { program, port } = service
    const load = createLoad({ port, keepAliveConnections: 0, freshPerSecond: 100 })
    load.start()
    await until(() => load.snapshot().answered > 50, { step: 'load', deadlineMs })
    await die(service, way)
    await nextServing(service, 1)
    const { answered } = load.snapshot()
    await until(() => load.snapshot().answered > answered + 50, { step: 'more load', deadlineMs })
    const { failures } = await load.stop()
    expect(failures.filter(({ kind }) => kind === 'connect')).toEqual([])
    // What was inside of it, and nothing of what waited.
    expect(failures.length).toBeLessThanOrEqual(5)
    expect(program.stderr).toContain(`[endless ${program.pid}] generation 0 `)
    expect(program.stderr).toContain(reason)
    expect((await get(port)).headers['x-generation']).toBe('1')
  },
)

test('an error that a generation has handled is not what it is said to have died of later', async () => {
  const service = await start()
  const { program, port } = service
  await get(port, '/survive')
  await program.waitForEvent('handled', { step: 'it has handled it', deadlineMs })
  await die(service, '/kill')
  await nextServing(service, 1)
  expect(program.stderr).toMatch(/generation 0 \(pid \d+\) was ended by SIGKILL\n/)
})

test('a generation that dies while its predecessor drains is answered by that one, and then by a new one', async () => {
  const service = await start()
  const { program, port } = service
  const client = await connectRaw(port)
  client.request('/wait')
  await program.waitForEvent('waiting', { step: 'the request is inside', deadlineMs })
  program.signal('SIGHUP', program.pid)
  await program.waitForGeneration(1, { deadlineMs })
  expect((await get(port)).headers['x-generation']).toBe('1')

  await die(service, '/kill')
  expect(await nextServing(service, 2)).toBe(program.generations[0]?.pid)
  expect((await get(port)).headers['x-generation']).toBe('0')
  await get(port, '/answer')
  expect((await client.waitForResponses(1))[0]).toMatchObject({ status: 200 })

  await die(service, '/kill')
  await nextServing(service, 3)
  expect((await get(port)).headers['x-pid']).toBe(String(program.current.pid))
  program.signal('SIGHUP', program.pid)
  await nextServing(service, 4)
  expect((await get(port)).headers['x-generation']).toBe('2')
})

test('a generation that dies is replaced also while its predecessor hangs, which ends when it goes on', async () => {
  const service = await start()
  const { program, port } = service
  const client = await connectRaw(port)
  client.request('/wait')
  await program.waitForEvent('waiting', { step: 'the request is inside', deadlineMs })
  const { pid: first } = program.current
  program.signal('SIGHUP', program.pid)
  await program.waitForGeneration(1, { deadlineMs })
  program.signal('SIGSTOP', first)
  program.signal('SIGKILL', program.current.pid)
  await nextServing(service, 2)
  expect((await get(port)).headers['x-generation']).toBe('2')

  program.signal('SIGCONT', first)
  client.request('/answer')
  expect((await client.waitForResponses(1))[0]).toMatchObject({ status: 200 })
  await program.waitForEnd(first, { step: 'it leaves', deadlineMs })
  expect((await get(port)).headers['x-generation']).toBe('2')
})

test('a predecessor that hangs for a while serves again if nobody else does yet', async () => {
  const service = await start()
  const { program, port, broken } = service
  const client = await connectRaw(port)
  client.request('/wait')
  await program.waitForEvent('waiting', { step: 'the request is inside', deadlineMs })
  const { pid: first } = program.current
  program.signal('SIGHUP', program.pid)
  await program.waitForGeneration(1, { deadlineMs })
  program.signal('SIGSTOP', first)
  writeFileSync(broken, '')
  program.signal('SIGKILL', program.current.pid)
  await until(() => program.stderr.includes('generation 2'), { step: 'it fails', deadlineMs })
  program.signal('SIGCONT', first)
  expect((await get(port)).headers['x-generation']).toBe('0')
  rmSync(broken)
  await get(port, '/answer')
  program.signal('SIGHUP', program.pid)
  await until(async () => (await get(port)).headers['x-generation'] === '1', {
    step: 'it restarts as ever',
    deadlineMs,
  })
})

test('a new version that dies at its start is rolled back, and the next restart works', async () => {
  const service = await start()
  const { program, port, broken } = service
  const [first] = program.generations
  writeFileSync(broken, '')
  program.signal('SIGHUP', program.pid)
  const { error } = await program.waitForEvent('restart-failed', { step: 'it fails', deadlineMs })
  expect(error).toMatchObject({
    code: 'ERR_ENDLESS_SUCCESSOR_EXITED',
    exitCode: 1,
    cause: { name: 'RangeError', message: 'broken on purpose' },
  })
  expect((await get(port)).headers['x-pid']).toBe(String(first?.pid))
  rmSync(broken)
  program.signal('SIGHUP', program.pid)
  await program.waitForGeneration(1, { deadlineMs })
})

test('one that cannot start again is tried again and again, ever later, while connections wait', async () => {
  const service = await start()
  const { program, port, broken } = service
  writeFileSync(broken, '')
  await die(service, '/kill')
  await program.waitForLine(/starting generation \d+ in 200 ms/, {
    step: 'the third try',
    deadlineMs,
  })
  const answer = get(port)
  await program.waitForLine(/starting generation \d+ in 400 ms/, {
    step: 'the next try',
    deadlineMs,
  })
  rmSync(broken)
  expect((await answer).status).toBe(200)
  expect(program.stderr).toContain('RangeError: broken on purpose')
})

test('SIGHUP has it tried at once', async () => {
  const service = await start()
  const { program, broken } = service
  writeFileSync(broken, '')
  await die(service, '/kill')
  await program.waitForLine(/starting generation \d+ in 6\.4 s/, { step: 'some tries', deadlineMs })
  rmSync(broken)
  const beganMs = performance.now()
  program.signal('SIGHUP', program.pid)
  await nextServing(service, 1)
  expect(performance.now() - beganMs).toBeLessThan(5_000)
  expect(program.current.generation).toBe(1)
})

test('one that hangs while it starts again is ended after readyTimeoutMs, and tried again', async () => {
  const service = await start({ readyTimeoutMs: 1_500 })
  const { program, port, broken } = service
  writeFileSync(broken, 'hang')
  await die(service, '/kill')
  await program.waitForLine(/generation 1 .* was ended by SIGKILL: Error: not ready after 1\.5 s/, {
    step: 'it is ended',
    deadlineMs,
  })
  rmSync(broken)
  expect((await get(port)).headers['x-generation']).toBe('1')
})

test('a second Ctrl-C ends what hangs', async () => {
  const service = await start()
  const { program } = service
  await get(service.port, '/block')
  await program.waitForEvent('blocked', { step: 'it hangs', deadlineMs })
  program.signal('SIGINT', program.pid)
  await new Promise((resolve) => setTimeout(resolve, 700)) // or it would be the echo of the first
  program.signal('SIGINT', program.pid)
  expect(await program.waitForExit({ step: 'it ends', deadlineMs })).toMatchObject({ code: 137 })
  expect(program.stderr).toMatch(/generation 0 \(pid \d+\) does not answer, and is killed/)
})

test('SIGTERM ends a service that cannot start again at once', async () => {
  const service = await start()
  const { program, broken } = service
  writeFileSync(broken, '')
  await die(service, '/exit?code=5')
  await program.waitForLine(/starting generation \d+ in 1\.6 s/, { step: 'some tries', deadlineMs })
  program.signal('SIGTERM', program.pid)
  expect(await program.waitForExit({ step: 'it ends', deadlineMs })).toEqual({
    code: 5,
    signal: null,
  })
})

test.each([
  ['/leave?code=0', 0],
  ['/leave?code=4', 4],
])(
  'a service that shuts itself down by %s ends the supervisor with its exit code',
  async (way, code) => {
    const service = await start()
    await die(service, way)
    expect(await service.program.waitForExit({ step: 'it ends', deadlineMs })).toEqual({
      code,
      signal: null,
    })
  },
)

test('a program that dies before it ever served ends the supervisor with its exit code', async () => {
  const broken = path.join(temporaryDirectory(), 'broken')
  writeFileSync(broken, '')
  const program = superviseFixture('dies-as-told.mjs', { args: [broken] })
  expect(await program.waitForExit({ step: 'it ends', deadlineMs })).toEqual({
    code: 1,
    signal: null,
  })
  expect(program.stderr).toContain('exited with code 1: RangeError: broken on purpose')
})

test('SIGUSR2 hammers the generations that drain, and those that serve ignore it', async () => {
  const { program, port } = await start()
  const client = await connectRaw(port)
  client.request('/wait')
  await program.waitForEvent('waiting', { step: 'the request is inside', deadlineMs })
  const { pid } = program.current
  program.signal('SIGHUP', program.pid)
  await program.waitForGeneration(1, { deadlineMs })
  program.signal('SIGUSR2', program.pid)
  await client.waitForEnd()
  await program.waitForEnd(pid, { step: 'generation 0 ends', deadlineMs })
  expect((await get(port)).headers['x-generation']).toBe('1')
})

test('what is no message does not end the supervisor, and the next restart works', async () => {
  const service = await start()
  const { program, port } = service
  await get(port, '/garbage')
  for (const why of [
    'it acknowledges an unsent handle',
    'its type is unknown',
    "'launch' of 'spawn' has a wrong value",
    "'asked' of 'escrow' has a wrong value",
    "'error' of 'error' has a wrong value",
    "'value' of 'answer' has a wrong value",
    "'signal' of 'kill' has a wrong value",
    "'adopts' of 'ready' has a wrong value",
    'this is no JSON',
  ]) {
    const line = new RegExp(`Ignored a message .* which is not for a supervisor: .*${why}`)
    await program.waitForLine(line, { step: `it is told: ${why}`, deadlineMs })
  }
  await get(port, '/flood?code=5000')
  const [first] = program.generations
  program.signal('SIGHUP', program.pid)
  const { pid } = await program.waitForGeneration(1, { deadlineMs })
  await program.waitForEnd(first?.pid ?? 0, { step: 'generation 0 ends', deadlineMs })
  expect((await get(port)).headers['x-pid']).toBe(String(pid))
  expect(isAlive(program.pid)).toBe(true)
})

test('an answer to a handle that endless never sent does not end the generation', async () => {
  const { program, port } = await start()
  const [first] = program.generations
  await get(port, '/handle')
  program.signal('SIGHUP', program.pid)
  await program.waitForGeneration(1, { deadlineMs })
  // It has lived until then, and drained.
  await program.waitForEvent(({ event, pid }) => event === 'terminate' && pid === first?.pid, {
    step: 'generation 0 drains',
    deadlineMs,
  })
})
test.runIf(process.platform === 'linux')(
  'handles that come with what is no message are closed, and each kind of it is told once',
  async () => {
    const plain = fileURLToPath(new URL('../fixtures/sends-anything.mjs', import.meta.url))
    const program = runEndless([
      ...['run', '--', 'sh', '-c', 'unset NODE_OPTIONS; exec "$0" "$1"'],
      ...[process.execPath, plain],
    ])
    const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
    const descriptors = () => readdirSync(`/proc/${program.pid}/fd`).length
    const send = async () => {
      const { sent, of } = JSON.parse((await get(port, '/send')).body) as Sent
      await until(
        async () => (JSON.parse((await get(port, '/count')).body) as Sent).sent === sent + of,
        {
          step: 'all are taken',
          deadlineMs,
          explain: () => program.output.toString(),
        },
      )
    }
    await send()
    await program.waitForLine(/'escrow' has a wrong value/, { step: 'it is told', deadlineMs })
    const before = descriptors()
    const told = program.stderr.split('\n').length
    for (let round = 0; round < 3; round++) await send()
    await until(() => descriptors() <= before, { step: 'their handles are closed', deadlineMs })
    expect(program.stderr.split('\n').length).toBe(told)
    expect(program.stderr.match(/its type is unknown/g)).toHaveLength(1)
    expect(isAlive(program.pid)).toBe(true)
  },
)

test('a generation that closes the channel is ended and replaced, and nobody is refused', async () => {
  const service = await start()
  const { program, port } = service
  const [first] = program.generations
  const load = createLoad({ port, keepAliveConnections: 0, freshPerSecond: 100 })
  load.start()
  await until(() => load.snapshot().answered > 10, { step: 'load', deadlineMs })
  await die(service, '/close')
  await program.waitForEnd(first?.pid ?? 0, { step: 'generation 0 ends', deadlineMs })
  await nextServing(service, 1)
  const { failures } = await load.stop()
  expect(failures).toEqual([])
})

test('a boot that writes much while its predecessor does not read takes over all the same', async () => {
  const pidFile = path.join(temporaryDirectory(), 'service.pid')
  const program = superviseFixture('writes-much-at-the-boot.mjs', {
    args: [JSON.stringify({ pidFile })],
  })
  const { pid } = await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGHUP', program.pid)
  const gate = await waitForGate(program, 1)
  program.signal('SIGSTOP', pid)
  await openGate(gate)
  const isReady = async () => {
    const { body } = await get(0, '/status', { socketPath: `${pidFile}.sock` })
    const { generations } = JSON.parse(body) as { generations: { number: number; state: string }[] }
    return generations.find((each) => each.number === 1)?.state === 'init'
  }
  await until(isReady, { step: 'the supervisor knows that the new one is ready', deadlineMs })
  program.signal('SIGCONT', pid)
  await program.waitForGeneration(1, { deadlineMs })
})

test('a supervisor that is killed leaves the generation serving, which then restarts by itself', async () => {
  const service = await start()
  const { program, port } = service
  const { pid } = program.current
  program.signal('SIGKILL', program.pid)
  await program.waitForLine(/The supervisor is gone/, { step: 'it is told', deadlineMs })
  expect((await get(port)).headers['x-pid']).toBe(String(pid))
  program.signal('SIGHUP', pid)
  await program.waitForGeneration(1, { deadlineMs })
  await program.waitForEnd(pid, { step: 'generation 0 ends', deadlineMs })
  expect((await get(port)).headers['x-generation']).toBe('1')
})

test('the pid file of the program names the generation that outlives its supervisor, and its restarts', async () => {
  const pidFile = path.join(temporaryDirectory(), 'app.pid')
  const program = superviseFixture('serves.mjs', { args: [JSON.stringify({ pidFile })] })
  const { pid } = await program.waitForGeneration(0, { deadlineMs })
  const names = (pid: number) => (): boolean => readFileSync(pidFile, 'utf8') === `${pid}\n`
  await until(() => existsSync(pidFile) && names(program.pid)(), {
    step: 'it is there',
    deadlineMs,
  })
  program.signal('SIGKILL', program.pid)
  await until(names(pid), { step: 'it names the generation', deadlineMs })
  const restart = runEndless(['restart', '--pid-file', pidFile])
  expect(await restart.waitForExit({ step: 'it restarts', deadlineMs })).toMatchObject({ code: 0 })
  expect(names(program.current.pid)()).toBe(true)
  expect(program.current.generation).toBe(1)
  const stop = runEndless(['stop', '--pid-file', pidFile])
  expect(await stop.waitForExit({ step: 'it stops', deadlineMs })).toMatchObject({ code: 0 })
  await until(() => !existsSync(pidFile), { step: 'the pid file is gone', deadlineMs })
})

test('a supervisor that is killed before it has read of a socket is noticed, too', async () => {
  const program = superviseFixture('listens-when-told.mjs')
  const [, gate] = await program.waitForLine(/gate (\d+)/, { step: 'it boots', deadlineMs })
  program.signal('SIGSTOP', program.pid)
  await openGate({ gate: Number(gate), name: 'listen' })
  const [, pid] = await program.waitForLine(/generation 0 \(pid (\d+)\) serves /, {
    step: 'it serves',
    deadlineMs,
  })
  program.signal('SIGKILL', program.pid)
  try {
    await program.waitForLine(/The supervisor is gone/, { step: 'it is told', deadlineMs })
  } finally {
    program.signal('SIGKILL', Number(pid)) // it reports no pid by which the helpers would end it
  }
})

test('a supervisor that is killed while a successor boots fails that restart, and the next one works', async () => {
  const program = superviseFixture('boots-when-told.mjs')
  const { pid, port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGHUP', program.pid)
  await waitForGate(program, 1)
  program.signal('SIGKILL', program.pid)
  const { error } = await program.waitForEvent('restart-failed', { step: 'it fails', deadlineMs })
  expect(error).toMatchObject({
    message: expect.stringContaining('lost with the supervisor') as string,
  })
  const since = program.output.lines.length
  program.signal('SIGHUP', pid)
  const another = { step: 'another one boots', deadlineMs, since }
  await openGate(await program.waitForEvent<GateEvent>('gate', another))
  await program.waitForGeneration(1, { deadlineMs })
  await program.waitForEnd(pid, { step: 'generation 0 ends', deadlineMs })
  expect((await get(port)).headers['x-generation']).toBe('1')
})

test('a supervisor that is killed before it has passed on that a successor takes over leaves one that serves', async () => {
  const program = superviseFixture('waits-before-it-hands-over.mjs')
  const { pid, port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGHUP', program.pid)
  const gate = await waitForGate(program, 0)
  program.signal('SIGSTOP', program.pid)
  await openGate(gate)
  await program.waitForEvent('taken-over', { step: 'the successor is told', deadlineMs })
  const since = program.output.lines.length
  program.signal('SIGKILL', program.pid)
  const again = (event: ProgramEvent): boolean => event.event === 'ready' && event.pid === pid
  await program.waitForEvent(again, { step: 'generation 0 serves again', deadlineMs, since })
  expect((await get(port)).headers['x-generation']).toBe('0')
})

test('a stop that meets a successor before it has been told to take over leaves no path behind', async () => {
  const socket = path.join(temporaryDirectory(), 'app.sock')
  const program = superviseFixture('waits-before-it-hands-over.mjs', { args: [socket] })
  const { pid } = await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGHUP', program.pid)
  await openGate(await waitForGate(program, 0))
  const takenOver = program.waitForEvent('taken-over', {
    step: 'the successor is told',
    deadlineMs,
  })
  // Frozen, so that the two learn of each other only after both were told to stop.
  program.signal('SIGSTOP', program.pid)
  const { report } = (await takenOver) as ProgramEvent & { report: { pid: number } }
  program.signal('SIGTERM', report.pid)
  await openGate(await waitForGate(program, 1))
  await program.waitForEnd(report.pid, { step: 'the successor ends', deadlineMs })
  program.signal('SIGTERM', pid)
  program.signal('SIGTERM', program.pid)
  program.signal('SIGCONT', program.pid)
  await program.waitForExit({ step: 'the service ends', deadlineMs })
  expect(existsSync(socket)).toBe(false)
})

test('--pid-file names the supervisor through restarts, and is removed at the end', async () => {
  const pidFile = path.join(temporaryDirectory(), 'service.pid')
  const program = superviseFixture('dies-as-told.mjs', { runArgs: ['--pid-file', pidFile] })
  await program.waitForGeneration(0, { deadlineMs })
  await until(() => existsSync(pidFile), { step: 'the pid file', deadlineMs })
  program.signal('SIGHUP', program.pid)
  await program.waitForGeneration(1, { deadlineMs })
  expect(readFileSync(pidFile, 'utf8')).toBe(`${program.pid}\n`)
  program.signal('SIGTERM', program.pid)
  await program.waitForExit({ step: 'it ends', deadlineMs })
  expect(existsSync(pidFile)).toBe(false)
})

test.each([
  ['nowhere.js', 'endless: cannot run nowhere.js: there is no such file\n'],
  ['/proc', 'endless: cannot run /proc: there is no such file\n'],
  [undefined, 'endless: nothing to run: name a script\n'],
])('endless run %s is refused in one line', async (script, reason) => {
  const program = runEndless(script === undefined ? ['run'] : ['run', script])
  expect(await program.waitForExit({ step: 'it ends', deadlineMs })).toMatchObject({ code: 2 })
  expect(program.stderr).toBe(reason)
})

test('a pid file that cannot be kept is refused in one line, before anything runs', async () => {
  const program = superviseFixture('dies-as-told.mjs', {
    runArgs: ['--pid-file', '/nowhere/x.pid'],
  })
  expect(await program.waitForExit({ step: 'it ends', deadlineMs })).toMatchObject({ code: 2 })
  expect(program.stderr).toMatch(/^endless: Cannot keep a pid file at \/nowhere\/x.pid: .*\n$/)
})

test('a script that is no JavaScript ends with what Node says, and its exit code', async () => {
  const script = path.join(temporaryDirectory(), 'app.js')
  writeFileSync(script, 'const =')
  const program = runEndless(['run', script])
  expect(await program.waitForExit({ step: 'it ends', deadlineMs })).toMatchObject({ code: 1 })
  expect(program.stderr).toContain('SyntaxError')
  expect(program.stderr).toMatch(/generation 0 \(pid \d+\) exited with code 1: SyntaxError/)
})

test('what comes after the script is for the script, -- and options included', async () => {
  const script = path.join(temporaryDirectory(), 'app.mjs')
  writeFileSync(script, 'console.log(JSON.stringify(process.argv.slice(2)), process.execArgv)')
  const program = runEndless(['run', script, '--pid-file', '--', 'x'])
  expect(await program.waitForExit({ step: 'it ends', deadlineMs })).toMatchObject({ code: 0 })
  expect(program.stdout).toBe('["--pid-file","--","x"] []\n')
})

test('a command after -- is run as it is, with options of node', async () => {
  const script = path.join(temporaryDirectory(), 'app.mjs')
  writeFileSync(script, 'console.log(process.execArgv, process.argv.slice(2))')
  const program = runEndless(['run', '--', 'node', '--no-warnings', script, 'x'])
  expect(await program.waitForExit({ step: 'it ends', deadlineMs })).toMatchObject({ code: 0 })
  expect(program.stdout).toBe("[ '--no-warnings' ] [ 'x' ]\n")
})

test('under npm it says which pid to signal', async () => {
  const directory = temporaryDirectory()
  const scripts = { start: `${process.execPath} ${endless} run app.mjs` }
  writeFileSync(path.join(directory, 'package.json'), JSON.stringify({ scripts }))
  writeFileSync(path.join(directory, 'app.mjs'), '')
  const program = startProgram({ command: 'npm', args: ['start'], cwd: directory })
  const line = /\[endless (\d+)\] started by npm, .*: signal pid (\d+) itself/
  const [, pid, named] = await program.waitForLine(line, { step: 'the warning', deadlineMs })
  expect(named).toBe(pid)
})
