// Proves what a terminal means to a program: a closed one ends it, also where SIGHUP restarts it, and
// Ctrl-C at an open one makes nobody wait.
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import {
  connectRaw,
  get,
  openGate,
  startProgram,
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

/** Opens a terminal with a program as its foreground job; the shell lives on as that of a user does. */
function open(): Program {
  const fixture = fileURLToPath(new URL('../fixtures/boots-when-told.mjs', import.meta.url))
  const job = `'${process.execPath}' '${fixture}'; sleep 1000`
  return startProgram({ command: 'script', args: ['--quiet', '--command', job, '/dev/null'] })
}

/** Closes it as a lost connection does: its owner is gone, and the kernel hangs up. */
function close(terminal: Program): void {
  terminal.signal('SIGKILL', terminal.pid)
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
