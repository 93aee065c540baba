// Proves what a terminal means to a program: a closed one ends it, also where SIGHUP restarts it, and
// Ctrl-C at an open one makes nobody wait. Under `endless run` it is the supervisor that has the terminal.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import {
  connectRaw,
  endless,
  get,
  openGate,
  startProgram,
  superviseFixture,
  temporaryDirectory,
  until,
  waitForGate,
  type Program,
} from '../helpers/index.js'

const deadlineMs = 15_000

test('a terminal that is closed shuts its foreground job down, which answers what it has read', async () => {
  const terminal = open()
  const { port = 0, pid } = await terminal.waitForGeneration(0, { deadlineMs })
  const answered = get(port, '/wait')
  const request = await waitForGate(terminal, 0, 'answer')
  close(terminal)
  await refuses(port)
  await openGate(request)
  expect((await answered).body).toBe('generation 0')
  await terminal.waitForEnd(pid, { step: 'the job ends', deadlineMs })
  await refuses(port)
})

test('SIGHUP restarts as long as the terminal is open, and closing it ends the successor', async () => {
  const terminal = open()
  const { port = 0, pid } = await terminal.waitForGeneration(0, { deadlineMs })
  terminal.signal('SIGHUP')
  await openGate(await waitForGate(terminal, 1))
  const successor = await terminal.waitForGeneration(1, { deadlineMs })
  await terminal.waitForEnd(pid, { step: 'the predecessor ends', deadlineMs })
  expect((await get(port)).headers['x-generation']).toBe('1')
  close(terminal)
  await terminal.waitForEnd(successor.pid, { step: 'the successor ends', deadlineMs })
  await refuses(port)
})

test('Ctrl-C at a terminal closes idle connections at once', async () => {
  const terminal = open()
  const { port = 0, pid } = await terminal.waitForGeneration(0, { deadlineMs })
  const client = await connectRaw(port)
  client.request()
  await client.waitForResponses(1)
  terminal.signal('SIGINT')
  expect(await client.waitForEnd()).toBe('fin')
  const { report } = await terminal.waitForEvent('terminate', { step: 'it terminates', deadlineMs })
  expect(report).toMatchObject({ reason: 'shutdown', hammered: 0 })
  expect((report as { durationMs: number }).durationMs).toBeLessThan(1_000)
  await terminal.waitForEnd(pid, { step: 'it exits', deadlineMs })
})

test('Ctrl-C at the terminal of a supervisor reaches the generation once, closes idle connections at once and ends both', async () => {
  const terminal = open([endless, 'run'])
  const { port = 0, pid } = await terminal.waitForGeneration(0, { deadlineMs })
  const client = await connectRaw(port)
  client.request()
  await client.waitForResponses(1)
  pressCtrlC(pid)
  expect(await client.waitForEnd()).toBe('fin')
  const { report } = await terminal.waitForEvent('terminate', { step: 'it terminates', deadlineMs })
  expect(report).toMatchObject({ reason: 'shutdown', hammered: 0 })
  expect((report as { durationMs: number }).durationMs).toBeLessThan(1_000)
  await refuses(port)
})

test('a second Ctrl-C at the terminal of a supervisor hammers', async () => {
  const terminal = open([endless, 'run'])
  const { port = 0, pid } = await terminal.waitForGeneration(0, { deadlineMs })
  const client = await connectRaw(port)
  client.request('/wait')
  await waitForGate(terminal, 0, 'answer')
  pressCtrlC(pid)
  await terminal.waitForEvent('drain', { step: 'it drains', deadlineMs })
  // Again and again: one that comes within half a second is taken for an echo of the first.
  const press = setInterval(() => pressCtrlC(pid), 700)
  onTestFinished(() => clearInterval(press))
  await client.waitForEnd()
  clearInterval(press)
  const { report } = await terminal.waitForEvent('terminate', { step: 'it terminates', deadlineMs })
  expect(report).toMatchObject({ hammered: 1 })
})

test('the terminal of a supervisor that is closed shuts the service down, which answers what it has read', async () => {
  const terminal = open([endless, 'run'])
  const { port = 0, pid } = await terminal.waitForGeneration(0, { deadlineMs })
  const answered = get(port, '/wait')
  const request = await waitForGate(terminal, 0, 'answer')
  close(terminal)
  await refuses(port)
  await openGate(request)
  expect((await answered).body).toBe('generation 0')
  await terminal.waitForEnd(pid, { step: 'the generation ends', deadlineMs })
})

test('a status that is watched is drawn at one place, and Ctrl-C leaves the terminal as it was', async () => {
  const control = path.join(temporaryDirectory(), 'control.sock')
  const service = superviseFixture('tells-its-metrics.mjs', { runArgs: ['--control', control] })
  await service.waitForEvent('ready', { step: 'it serves', deadlineMs })
  const words = [process.execPath, endless, 'status', '--watch', '--control', control]
  const watched = startProgram({
    command: 'script',
    args: [
      '--quiet',
      '--return',
      '--command',
      // Without exec, some shells stay its parent, and the signal would be theirs.
      `exec ${words.map((word) => `'${word}'`).join(' ')}`,
      '/dev/null',
    ],
    env: { SHELL: '/bin/sh', TERM: 'xterm' },
  })
  await until(() => watched.stdout.split('\x1b[H').length > 2, {
    step: 'it is drawn twice',
    deadlineMs,
    explain: () => watched.output.toString(),
  })
  const job = childOf(watched.pid)
  process.kill(job, 'SIGINT')
  expect(await watched.waitForExit({ step: 'it ends', deadlineMs })).toEqual({
    code: 0,
    signal: null,
  })
  const { stdout } = watched
  expect(stdout.startsWith('\x1b[?1049h\x1b[?25l\x1b[?7l')).toBe(true)
  expect(stdout).toContain('GENERATION')
  expect(stdout.trimEnd().endsWith('\x1b[?7h\x1b[?25h\x1b[?1049l')).toBe(true)
})

/** Opens a terminal with a program as its foreground job; the shell lives on as that of a user does. */
function open(launcher: string[] = []): Program {
  const fixture = fileURLToPath(new URL('../fixtures/boots-when-told.mjs', import.meta.url))
  const words = [process.execPath, ...launcher, fixture].map((word) => `'${word}'`)
  const job = `${words.join(' ')}; sleep 1000`
  const args = ['--quiet', '--command', job, '/dev/null']
  // The shell is said: the user's own would decide otherwise.
  return startProgram({ command: 'script', args, env: { SHELL: '/bin/sh' } })
}

/** Closes it as a lost connection does: its owner is gone, and the kernel hangs up. */
function close(terminal: Program): void {
  terminal.signal('SIGKILL', terminal.pid)
}

/** Does what the terminal does: signals everybody in the group of the foreground job, the supervisor's. */
function pressCtrlC(generation: number): void {
  const [, supervisor] = statOf(generation)
  const [, , group] = statOf(Number(supervisor))
  process.kill(-Number(group), 'SIGINT')
}

/** Returns the only child of a process: the job of a terminal. */
function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim())
}

/** State, parent and group of a process (proc(5), /proc/pid/stat). */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

async function refuses(port: number): Promise<void> {
  const isRefused = async () => {
    try {
      await get(port)
      return false
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
    }
  }
  await until(isRefused, { step: 'nobody listens any more', deadlineMs })
}
