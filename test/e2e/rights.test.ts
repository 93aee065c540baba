// Proves that a supervisor which runs as root lends its rights to no generation that has given up its own.
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  get,
  hasExited,
  post,
  runEndless,
  superviseFixture,
  temporaryDirectory,
  until,
  type Program,
} from '../helpers/index.js'

const deadlineMs = 15_000
const nobody = 65_534
const fixture = new URL('../fixtures/drops-its-rights.mjs', import.meta.url)
const mayDrop = process.getuid?.() === 0 && process.platform === 'linux'
const why = 'needs root, to give rights up, and /proc'

interface Began {
  port: number
  uid: number
  began: { uid: number; cwd: string; forLater?: string }
}

async function serves(program: Program, number: number): Promise<Began> {
  const ready = await program.waitForGeneration(number, { deadlineMs })
  expect(ready).toMatchObject({ uid: nobody, began: { uid: 0 } })
  return ready as unknown as Began
}

function start(options: object = {}, runArgs: string[] = []): Program {
  return superviseFixture('drops-its-rights.mjs', { args: [JSON.stringify(options)], runArgs })
}

/** Starts it in a project whose package.json has the options. */
function startWith(directory: string, endless: object): Program {
  writeFileSync(path.join(directory, 'package.json'), JSON.stringify({ endless }))
  writeFileSync(path.join(directory, 'app.mjs'), `import '${fixture.href}'`)
  return runEndless(['run', 'app.mjs'], { cwd: directory, env: { PWD: directory } })
}

describe('a generation that has given up the rights of root', () => {
  test('is replaced by what was started first, with the same environment, where its link leads now', async ({
    skip,
  }) => {
    if (!mayDrop) skip(why)
    const directory = temporaryDirectory()
    const link = path.join(directory, 'current')
    const switchTo = (release: string): string => {
      const target = path.join(directory, release)
      mkdirSync(target)
      writeFileSync(path.join(target, 'app.mjs'), `import '${fixture.href}'`)
      symlinkSync(target, `${link}.new`)
      renameSync(`${link}.new`, link)
      return target
    }
    const first = switchTo('1')
    const program = runEndless(['run', 'app.mjs'], { cwd: link, env: { PWD: link } })
    expect((await serves(program, 0)).began).toEqual({ uid: 0, cwd: first })
    for (const number of [1, 2]) {
      const release = switchTo(String(number + 1))
      program.signal('SIGHUP')
      const { began, port } = await serves(program, number)
      expect(began).toEqual({ uid: 0, cwd: release })
      expect((await get(port)).body).toBe(`generation ${number}`)
    }
  })

  test.for(Object.entries({ command: '/bin/true', args: ['x'], cwd: '/', env: { A: 'b' } }))(
    'has no successor by successor.%s, is told why, and serves on',
    async ([name, value], { skip }) => {
      if (!mayDrop) skip(why)
      const program = start({ successor: { [name]: value } })
      const { port } = await serves(program, 0)
      program.signal('SIGHUP')
      const { error } = await program.waitForEvent('restart-failed', {
        step: 'it fails',
        deadlineMs,
      })
      const { code, message } = error as { code: string; message: string }
      expect(code).toBe('ERR_ENDLESS_SPAWN_FAILED')
      const says =
        /generation 0 \(pid \d+\) runs as uid 65534, .* starts nothing but its own command line/
      expect(message).toMatch(says)
      expect(message).toMatch(
        new RegExp(`It refuses successor\\.${name}\\. Leave that out, or run the`),
      )
      // The supervisor has logged it before, but its log is read from a pipe of its own.
      await until(() => says.test(program.stderr), { step: 'the log is read', deadlineMs })
      expect((await get(port)).body).toBe('generation 0')
    },
  )

  test('passes its Unix socket on', async ({ skip }) => {
    if (!mayDrop) skip(why)
    const socketPath = path.join(temporaryDirectory(), 'app.sock')
    const program = superviseFixture('drops-its-rights.mjs', { args: ['{}', socketPath] })
    for (const number of [0, 1, 2]) {
      if (number > 0) program.signal('SIGHUP')
      await serves(program, number)
      expect((await get(0, '/', { socketPath })).body).toBe(`generation ${number}`)
    }
  })

  test('or has never had them, is replaced by the command that took them away', async ({
    skip,
  }) => {
    if (!mayDrop) skip(why)
    const asNobody = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']
    const [command, ...args] = [...asNobody, process.execPath, '--check', fixture.pathname]
    if (spawnSync(command, args).status !== 0) skip('needs setpriv, and files that all may read')
    const program = runEndless(['run', '--', ...asNobody, process.execPath, fixture.pathname])
    for (const number of [0, 1]) {
      const ready = await program.waitForGeneration(number, { deadlineMs })
      expect(ready).toMatchObject({ uid: nobody, began: { uid: nobody } })
      program.signal('SIGHUP')
    }
  })

  test('has nothing run by what it writes to its channel', async ({ skip }) => {
    if (!mayDrop) skip(why)
    const program = start()
    const { port } = await serves(program, 0)
    const launch = { command: '/bin/sh', args: ['-c', 'sleep 60'], cwd: '/', env: {} }
    const forged = { type: 'spawn', launch, overrides: [] }
    expect((await post(port, '/forge', JSON.stringify(forged))).status).toBe(200)
    const children = () =>
      readFileSync(`/proc/${program.pid}/task/${program.pid}/children`, 'utf8').trim().split(' ')
    await until(() => children().length === 2, { step: 'something is started', deadlineMs })
    const started = Number(children()[1])
    const isKnown = () =>
      readFileSync(`/proc/${started}/cmdline`, 'utf8').includes(fixture.pathname)
    await until(isKnown, { step: 'it is the program itself', deadlineMs })
    // Its predecessor, which does not know that it asked, sends it nothing.
    process.kill(started, 'SIGKILL')
    await until(() => hasExited(started), { step: 'it has ended', deadlineMs })
    expect((await get(port)).body).toBe('generation 0')
  })

  test.for(['code', 'package.json'])(
    'has no file replaced or removed, and no control socket, as %s asks; the log tells',
    async (place, { skip }) => {
      if (!mayDrop) skip(why)
      const directory = temporaryDirectory()
      const [pidFile, control] = [path.join(directory, 'precious'), path.join(directory, 'control')]
      writeFileSync(pidFile, 'precious')
      const program =
        place === 'code' ? start({ pidFile, control }) : startWith(directory, { pidFile, control })
      await serves(program, 0)
      await program.waitForLine(
        new RegExp(`Not keeping ${pidFile} and ${control}: .*runs as uid 65534.*--pid-file`),
        { step: 'it is told', deadlineMs },
      )
      program.signal('SIGHUP')
      await serves(program, 1)
      program.signal('SIGTERM')
      expect(await program.waitForExit({ step: 'it ends', deadlineMs })).toMatchObject({ code: 0 })
      expect(readFileSync(pidFile, 'utf8')).toBe('precious')
      expect(existsSync(control)).toBe(false)
      expect(program.stderr.split('Not keeping')).toHaveLength(2)
    },
  )

  test('has the paths that the command line gives, and nothing is told', async ({ skip }) => {
    if (!mayDrop) skip(why)
    const pidFile = path.join(temporaryDirectory(), 'service.pid')
    const program = start({ pidFile, control: `${pidFile}.other` }, ['--pid-file', pidFile])
    await serves(program, 0)
    const isWritten = () => existsSync(pidFile)
    await until(isWritten, { step: 'the pid file is written', deadlineMs })
    expect(readFileSync(pidFile, 'utf8').trim()).toBe(String(program.pid))
    const restart = runEndless(['restart', '--pid-file', pidFile])
    expect(await restart.waitForExit({ step: 'it has restarted', deadlineMs })).toMatchObject({
      code: 0,
    })
    await serves(program, 1)
    expect(program.stderr).not.toContain('Not keeping')
  })
})

test('a generation that is still root starts what it likes, and has its pid file', async () => {
  const pidFile = path.join(temporaryDirectory(), 'service.pid')
  const marker = `${pidFile}.marker`
  const program = superviseFixture('dies-as-told.mjs', {
    args: [
      '',
      JSON.stringify({
        pidFile,
        successor: { command: '/bin/sh', args: ['-c', `touch ${marker}`] },
      }),
    ],
  })
  await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGHUP')
  await until(() => existsSync(marker), { step: 'its command runs', deadlineMs })
  await until(() => existsSync(pidFile), { step: 'the pid file is written', deadlineMs })
})
