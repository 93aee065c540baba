// Proves what a deploy script relies on: that `endless restart`, `stop`, `status` and `hammer` find a service by its pid
// file or its control socket, wait for the outcome, say it in a line, and end with 0 only for success.
import { chownSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import type { ServiceStatus } from '@endless/core/for-cli'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  connectRaw,
  get,
  hasExited,
  isAlive,
  runEndless,
  startFixture,
  superviseFixture,
  temporaryDirectory,
  until,
  waitForGate,
  type Program,
} from '../helpers/index.js'

const deadlineMs = 15_000

interface Service {
  program: Program
  port: number
  broken: string
  pidFile: string
  control: string
}

type How = 'alone' | 'under a supervisor'

async function start(how: How, options: object = {}): Promise<Service> {
  const directory = temporaryDirectory()
  const broken = path.join(directory, 'broken')
  const pidFile = path.join(directory, 'app.pid')
  const isAlone = how === 'alone'
  const args = [broken, JSON.stringify(isAlone ? { pidFile, ...options } : options)]
  const program = isAlone
    ? startFixture('dies-as-told.mjs', { args })
    : superviseFixture('dies-as-told.mjs', { runArgs: ['--pid-file', pidFile], args })
  const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  await until(() => existsSync(pidFile), { step: 'the pid file is there', deadlineMs })
  return { program, port, broken, pidFile, control: `${pidFile}.sock` }
}

/** Runs a command to its end. */
async function endless(
  ...args: string[]
): Promise<{ code: number | null; out: string; err: string }> {
  const command = runEndless(args)
  const { code } = await command.waitForExit({ step: `endless ${args.join(' ')} ends`, deadlineMs })
  await command.end() // all of its output has come
  return { code, out: command.stdout.trimEnd(), err: command.stderr.trimEnd() }
}

/** Holds a request until the test says so. */
async function holdRequest({ program, port }: Service): Promise<void> {
  const busy = await connectRaw(port)
  busy.request('/wait')
  await program.waitForEvent('waiting', { step: 'a request waits', deadlineMs })
}

describe.each<How>(['alone', 'under a supervisor'])('a service %s', (how) => {
  test('is restarted, by its pid file or its control socket: the new version serves when the command ends', async () => {
    const service = await start(how)
    const first = await endless('restart', '--pid-file', service.pidFile)
    expect(first).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /^generation 1 \(pid \d+\) has taken over after \d+ ms$/,
      ) as string,
      err: `restarting generation 0 (pid ${service.program.generations[0]!.pid}) …`,
    })
    expect((await get(service.port)).body).toBe('generation 1')
    const { out } = await endless('status', '--pid-file', service.pidFile)
    expect(out).toContain(`has taken over ${/after \d+ ms/.exec(first.out)?.[0]}, `)

    const second = await endless('restart', '--wait=drained', '--control', service.control)
    expect(second).toMatchObject({
      code: 0,
      out: expect.stringContaining('the old one is gone') as string,
    })
    expect(second.err.split('\n')).toHaveLength(2)
    expect(hasExited(service.program.generations[1]!.pid)).toBe(true)

    expect(await endless('restart', '--no-wait', '--pid-file', service.pidFile)).toMatchObject({
      code: 0,
    })
    await service.program.waitForGeneration(3, { deadlineMs })
  })

  test('that cannot start its new version serves on, and the command fails with the reason', async () => {
    const service = await start(how)
    writeFileSync(service.broken, '')
    const failed = await endless('restart', '--pid-file', service.pidFile)
    expect(failed).toMatchObject({ code: 1, out: '' })
    expect(failed.err).toMatch(/^ {2}\| about to break$/m)
    expect(failed.err).toMatch(
      /^endless: Generation \d+ \(pid \d+\) exited with code 1 .*: RangeError: broken on purpose \(\/.*dies-as-told\.mjs:\d+:\d+\)\. Generation \d+ \(pid \d+\) still serves\.$/m,
    )
    expect((await get(service.port)).body).toBe('generation 0')
    const { out } = await endless('status', '--pid-file', service.pidFile)
    expect(out).toContain('last restart: failed')
    expect(out).toContain('broken on purpose')

    rmSync(service.broken)
    expect(await endless('restart', '--pid-file', service.pidFile)).toMatchObject({ code: 0 })
  })

  test('shows its status to people, and to programs as the control socket gives it', async () => {
    const service = await start(how)
    await holdRequest(service)
    const { out, code } = await endless('status', '--pid-file', service.pidFile)
    expect(code).toBe(0)
    const { pid } = service.program.current
    expect(out).toMatch(
      how === 'alone'
        ? `pid ${pid}, without a supervisor`
        : `supervisor pid ${service.program.pid}, up`,
    )
    expect(out).toMatch(new RegExp(`^ +0 +${pid} +running .* MB +1$`, 'm'))
    expect(out).toMatch(new RegExp(`^127\\.0\\.0\\.1:${service.port} +0 +1 +0 +1 +0 +0 +0$`, 'm'))
    expect(out).toMatch(/last restart: none$/)

    const json = await endless('status', '--json', '--pid-file', service.pidFile)
    const given = JSON.parse(json.out) as ServiceStatus
    const told = JSON.parse(
      (await get(0, '/status', { socketPath: service.control })).body,
    ) as ServiceStatus
    expect(Object.keys(given)).toEqual(Object.keys(told))
    expect(given.generations[0]!.servers).toEqual(told.generations[0]!.servers)
  })

  test('is stopped, and gone when the command ends; the next command says so', async () => {
    const service = await start(how)
    expect(await endless('stop', '--pid-file', service.pidFile)).toMatchObject({
      code: 0,
      out: `pid ${service.program.pid} has ended`,
    })
    expect(service.program.alive).toEqual([])
    for (const command of ['status', 'restart', 'stop', 'hammer']) {
      expect(await endless(command, '--pid-file', service.pidFile)).toEqual({
        code: 3,
        out: '',
        err: `endless: no service: there is no control socket ${service.control}, nor a pid file`,
      })
    }
  })

  test('is hammered where it drains', async () => {
    const service = await start(how)
    expect(await endless('hammer', '--pid-file', service.pidFile)).toMatchObject({
      code: 0,
      out: 'nothing drains: there is nothing to hammer',
    })
    await holdRequest(service)
    expect(await endless('restart', '--pid-file', service.pidFile)).toMatchObject({ code: 0 })
    const { pid } = service.program.generations[0]!
    expect(isAlive(pid)).toBe(true)
    expect(await endless('hammer', '--pid-file', service.pidFile)).toMatchObject({
      code: 0,
      out: 'the hammer has fallen on generation 0',
    })
    await service.program.waitForEnd(pid, { step: 'the old generation ends', deadlineMs })
  })
})

test('a generation that a supervisor has replaced is shown with what it died of', async () => {
  const service = await start('under a supervisor')
  await get(service.port, '/throw').catch(() => undefined)
  await until(() => service.program.generations.length > 1, { step: 'it is replaced', deadlineMs })
  const { out } = await endless('status', '--pid-file', service.pidFile)
  expect(out).toMatch(
    /^last death: generation 0 \(pid \d+\) exited with code 1: RangeError: thrown on purpose \(\/.*\.mjs:\d+:\d+\), .* ago$/m,
  )
})

/** The program dies again and again, until the next start is some time away. */
async function crashLoop({ program, port, broken }: Service): Promise<void> {
  writeFileSync(broken, '')
  await get(port, '/kill').catch(() => undefined)
  await program.waitForLine(/starting generation \d+ in 3\.2 s/, { step: 'some tries', deadlineMs })
}

test('what a client or a program says forges no line and reaches no terminal, in log, status, restart and JSON', async () => {
  const service = await start('under a supervisor')
  const { program, port, broken, pidFile } = service
  const hostile = (what: string) => `${what}\x1b]0;owned\x07\n[endless 1] forged\n\x9b2J\u202e`
  const clean = (what: string) => `${what}\\x1b]0;owned\\x07\\n[endless 1] forged\\n\\x9b2J\\u202e`
  await get(port, `/throw?code=${encodeURIComponent(hostile('bad input'))}`)
  await program.waitForGeneration(1, { deadlineMs })
  writeFileSync(broken, hostile('cannot parse'))
  const restart = await endless('restart', '--pid-file', pidFile)
  const status = await endless('status', '--pid-file', pidFile)
  const json = await endless('status', '--json', '--pid-file', pidFile)
  const log = program.stderr.split('\n').filter((line) => /^\[endless (?!1\])/.test(line))

  expect(log.join('\n')).toContain(clean('RangeError: bad input'))
  expect(log.join('\n')).toContain(clean('RangeError: cannot parse'))
  expect(restart.err).toContain(clean('RangeError: cannot parse'))
  expect(status.out).toContain(clean('RangeError: bad input'))
  expect(status.out).toContain(clean('RangeError: cannot parse'))
  expect((JSON.parse(json.out) as ServiceStatus).lastDeath?.error).toContain(hostile('bad input'))
  for (const text of [...log, restart.out, restart.err, status.out, json.out]) {
    const lines = text.split('\n')
    expect(lines.filter((line) => line.startsWith('[endless 1]'))).toEqual([])
    expect(lines.join('')).not.toMatch(/\p{Cc}|\p{Bidi_Control}/u)
  }
})

test('while the program dies again and again, status says so, and a restart starts the repaired one at once', async () => {
  const service = await start('under a supervisor')
  const named = ['--pid-file', service.pidFile]
  expect(await endless('restart', ...named)).toMatchObject({ code: 0 })
  await crashLoop(service)

  const { code, out } = await endless('status', ...named)
  expect(code).toBe(1)
  expect(out.split('\n')[1]).toMatch(
    /^nothing serves: generation 2 exited with code 1 \(RangeError: broken on purpose \(\/.*dies-as-told\.mjs:\d+:\d+\)\), 7 times; starting again in [1-4] s$/,
  )
  expect(out).not.toContain('LISTENER')
  expect(out).toMatch(/^last restart: generation 1 has taken over/m)
  const told = JSON.parse((await endless('status', '--json', ...named)).out) as ServiceStatus
  expect(told).toMatchObject({ generations: [], lastDeath: { number: 2, code: 1, inARow: 7 } })
  expect(told.startingInMs).toBeGreaterThan(0)

  const failed = await endless('restart', ...named)
  expect(failed).toMatchObject({ code: 1, out: '' })
  expect(failed.err).toMatch(/^ {2}\| about to break$/m)
  expect(failed.err).toMatch(
    /^endless: Generation 2 \(pid \d+\) exited with code 1: RangeError: broken on purpose \(.*\)\.$/m,
  )
  expect(service.program.stderr).toMatch(/starting generation \d+ in 6\.4 s/)

  rmSync(service.broken)
  const beganMs = performance.now()
  const done = await endless('restart', ...named)
  expect(done).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^generation 2 \(pid \d+\) has taken over after \d+ ms$/) as string,
  })
  expect(performance.now() - beganMs).toBeLessThan(5_000)
  expect((await get(service.port)).body).toBe('generation 2')
  const after = await endless('status', ...named)
  expect(after.code).toBe(0)
  expect(after.out).toMatch(/^last restart: generation 2 has taken over after \d+ ms/m)
})

test('the last restart is told also when the generation that it made is gone, and one that failed, too', async () => {
  const service = await start('under a supervisor')
  const named = ['--pid-file', service.pidFile]
  await endless('restart', ...named)
  await get(service.port, '/kill').catch(() => undefined)
  await service.program.waitForGeneration(2, { deadlineMs })
  expect((await endless('status', ...named)).out).toMatch(
    /^last restart: generation 1 has taken over after \d+ ms/m,
  )
  writeFileSync(service.broken, '')
  await endless('restart', ...named)
  rmSync(service.broken)
  const since = service.program.output.lines.length
  await get(service.port, '/kill').catch(() => undefined)
  await service.program.waitForGeneration(3, { since, deadlineMs })
  expect((await endless('status', ...named)).out).toMatch(
    /^last restart: failed .* ago: ERR_ENDLESS_SUCCESSOR_EXITED: .*broken on purpose/m,
  )
})

test('a restart before anything has served is refused, and status says that it is being started', async () => {
  const control = path.join(temporaryDirectory(), 'run.sock')
  const program = superviseFixture('serves-when-told.mjs', { runArgs: ['--control', control] })
  await waitForGate(program, 0)
  expect(await endless('restart', '--control', control)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/ is being started, and has not served yet\. Wait until/) as string,
  })
  const { code, out } = await endless('status', '--control', control)
  expect(code).toBe(1)
  expect(out).toContain('nothing serves yet: the service is being started')
})

test('a generation that hangs is not restarted, and killed by the hammer when it shall stop', async () => {
  const service = await start('under a supervisor')
  const { program, pidFile } = service
  const { pid } = program.current
  await get(service.port, '/block')
  await program.waitForEvent('blocked', { step: 'it hangs', deadlineMs })
  expect(await endless('restart', '--pid-file', pidFile)).toMatchObject({
    code: 1,
    err: expect.stringContaining(
      `endless: No answer from generation 0 (pid ${pid}): its event loop is blocked. Nothing was changed.`,
    ) as string,
  })

  program.signal('SIGTERM', program.pid)
  await program.waitForLine(/generation 0 .* has not answered for 10 s .* SIGUSR2 to pid (\d+)/, {
    step: 'it is told of',
    deadlineMs,
  })
  expect(isAlive(pid)).toBe(true)
  expect((await endless('hammer', '--pid-file', pidFile)).code).toBe(0)
  expect(await program.waitForExit({ step: 'it ends', deadlineMs })).toMatchObject({ code: 137 })
})

test('a generation that does not answer is shown as that', async () => {
  const service = await start('under a supervisor')
  const { pid } = service.program.current
  service.program.signal('SIGSTOP', pid)
  onTestFinished(() => {
    if (isAlive(pid)) process.kill(pid, 'SIGCONT')
  })
  const { out, code } = await endless('status', '--pid-file', service.pidFile)
  expect(code).toBe(0)
  expect(out).toMatch(new RegExp(`^ +0 +${pid} +unresponsive `, 'm'))
})

describe('nothing is changed, and nobody signalled,', () => {
  test('when a pid file names a process that has no control socket beside it', async () => {
    const pidFile = path.join(temporaryDirectory(), 'app.pid')
    const bystander = startFixture('serves.mjs')
    const { pid } = await bystander.waitForGeneration(0, { deadlineMs })
    writeFileSync(pidFile, `${pid}\n`)
    for (const command of ['restart', 'stop', 'hammer']) {
      const { code, err } = await endless(command, '--pid-file', pidFile)
      expect(code).toBe(3)
      expect(err).toMatch(`the pid file names process ${pid}, which is gone or keeps`)
    }
    expect(isAlive(pid)).toBe(true)
    expect(bystander.events.map(({ event }) => event)).toEqual(['ready'])
    expect(readFileSync(pidFile, 'utf8')).toBe(`${pid}\n`)
  })

  test('when the process that had the control socket was killed', async () => {
    const service = await start('under a supervisor')
    service.program.kill()
    await service.program.waitForExit({ step: 'it is killed', deadlineMs })
    expect(await endless('restart', '--pid-file', service.pidFile)).toMatchObject({
      code: 3,
      err: `endless: nobody listens at ${service.control}: the service is gone`,
    })
  })

  test.each([
    [
      'another version of the protocol',
      { 'endless-control': '2' },
      'speaks version 2 of the control protocol',
    ],
    ['something else', {}, 'is not endless'],
  ])('when who listens there speaks %s', async (_what, headers, reason) => {
    const control = path.join(temporaryDirectory(), 'other.sock')
    const asked: string[] = []
    const other = http.createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`)
      response.writeHead(200, headers).end('{}')
    })
    await new Promise<void>((resolve) => other.listen(control, resolve))
    onTestFinished(() => void other.close())
    for (const command of ['restart', 'stop', 'hammer']) {
      const { code, err } = await endless(command, '--control', control)
      expect(code).toBe(4)
      expect(err).toContain(reason)
    }
    expect(asked).toEqual(['GET /status', 'GET /status', 'GET /status'])
  })

  test('when the path is no socket, or cannot be looked at', async () => {
    const directory = temporaryDirectory()
    const file = path.join(directory, 'file')
    writeFileSync(file, '')
    expect(await endless('stop', '--control', file)).toMatchObject({
      code: 4,
      err: `endless: ${file} is not a socket`,
    })
    const loop = path.join(directory, 'loop')
    symlinkSync(loop, loop)
    expect(await endless('stop', '--control', loop)).toMatchObject({ code: 4 })
  })

  test('when a service is stuck', async () => {
    const service = await start('alone')
    service.program.signal('SIGSTOP')
    onTestFinished(() => {
      if (isAlive(service.program.pid)) service.program.signal('SIGCONT')
    })
    expect(await endless('restart', '--pid-file', service.pidFile)).toMatchObject({
      code: 1,
      err: `endless: the service at ${service.control} does not answer`,
    })
  })

  test.each([
    ['a service is named twice', ['restart', 'shop', '--pid-file', 'app.pid'], 'say which service'],
    ['an option is unknown', ['restart', '--force'], 'unknown option'],
    [
      'the value of an option is',
      ['restart', '--wait=soon'],
      'Allowed choices are ready, proven, drained, none',
    ],
    ['a command is', ['reload'], "unknown command 'reload'"],
  ])('when %s', async (_what, args, reason) => {
    const { code, err } = await endless(...args)
    expect(code).toBe(2)
    expect(err).toMatch(/^endless: /)
    expect(err).toContain(reason)
  })
})

test.each(['--version', '-V'])('%s shows the version of the package', async (option) => {
  const manifest = new URL('../../packages/cli/package.json', import.meta.url)
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  expect(await endless(option)).toEqual({ code: 0, out: version, err: '' })
})

test("another user's service is refused", async ({ skip }) => {
  if (process.getuid?.() !== 0) skip('only root can make files of two users')
  const service = await start('alone')
  chownSync(service.control, 4_711, 4_711)
  chownSync(path.dirname(service.pidFile), 4_712, 4_712)
  const command = startFixture('runs-as.mjs', {
    args: ['4712', 'restart', '--pid-file', service.pidFile],
  })
  expect(await command.waitForExit({ step: 'it ends', deadlineMs })).toMatchObject({ code: 4 })
  expect(command.stderr).toContain('belongs to another user (uid 4711)')
})

test('the help of each command has its options, and the exit statuses are with the first', async () => {
  const { out, code } = await endless('--help')
  expect(code).toBe(0)
  for (const command of ['run', 'restart', 'stop', 'status', 'hammer']) {
    expect(out).toMatch(new RegExp(`^  ${command} `, 'm'))
    const help = await endless(command, '--help')
    expect(help).toMatchObject({ code: 0, err: '' })
    expect(help.out).toContain('--control <path>')
    expect(help.out).toContain('--pid-file <path>')
    const lines = [...out.split('\n'), ...help.out.split('\n')]
    expect(lines.filter(({ length }) => length > 80)).toEqual([])
  }
  expect(out).toContain('Exit status')
})
