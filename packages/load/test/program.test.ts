// Proves that a program's processes are found, waited for and ended, also those that report nothing.
import { readFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { isAlive } from '../src/program/processes.js'
import { endAll, startProgram } from '../src/program/program.js'

afterEach(endAll)

const READY = `console.log(JSON.stringify({ event: 'ready', pid: process.pid, generation: 0 }))`
const STAY = `setInterval(() => {}, 1_000)`
const wait = { step: 'the line', deadlineMs: 5_000 }

test('lines and events are found whether they came before or come later', async () => {
  const program = node(`console.error('first'); setTimeout(() => { ${READY} }, 50); ${STAY}`)
  expect((await program.waitForLine(/^fir(st)$/, wait))[1]).toBe('st')
  const ready = await program.waitForGeneration(0, { deadlineMs: 5_000 })
  expect(ready.pid).toBe(program.pid)
  expect(await program.waitForEvent('ready', wait)).toEqual(program.current)
  expect(program.stderr).toBe('first\n')
})

test('a wait that fails names its step and shows what the program printed', async () => {
  const program = node(`console.log('something else'); ${STAY}`)
  await program.waitForLine(/something/, wait)
  await expect(program.waitForLine(/never/, { ...wait, deadlineMs: 20 })).rejects.toThrow(
    'the line: not within 20 ms\nstdout | something else',
  )
})

test('a wait for what nobody is left to print fails at once', async () => {
  const program = node(`console.log('something else')`)
  await expect(program.waitForLine(/never/, wait)).rejects.toThrow(
    'the line: the program has ended\nstdout | something else',
  )
})

test('a program that cannot be started says so', async () => {
  const program = startProgram({ command: 'no-such-program', args: [] })
  await program.waitForLine(/^not started: .*ENOENT/, wait)
  expect(() => program.pid).toThrow('not started')
})

test.runIf(process.platform === 'linux')(
  'a child that never reported is ended with the others',
  async () => {
    const program = node(`
      const { spawn } = require('node:child_process')
      const child = spawn(process.execPath, ['-e', ${JSON.stringify(STAY)}], { stdio: 'inherit' })
      console.log('child ' + child.pid)
      process.exit()
    `)
    const [, pid] = await program.waitForLine(/^child (\d+)$/, wait)
    await program.waitForEnd(program.pid, { step: 'the parent ends', deadlineMs: 5_000 })
    expect(program.alive).toEqual([Number(pid)])
    await program.end()
    expect(isAlive(Number(pid))).toBe(false)
  },
)

test.runIf(process.platform === 'linux').each([
  { detached: true, sessions: 'a session of its own' },
  { detached: false, sessions: 'the session of this process' },
])('a program has $sessions with detached: $detached', async ({ detached }) => {
  const program = node(`console.log('started'); ${STAY}`, detached)
  await program.waitForLine(/started/, wait)
  expect(sessionOf(program.pid)).toBe(detached ? program.pid : sessionOf(process.pid))
})

function node(code: string, detached = true) {
  return startProgram({ args: ['-e', code], detached })
}

/** The session of a process, by its first process (proc_pid_stat(5)). */
function sessionOf(pid: number): number {
  const [, afterName = ''] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')
  return Number(afterName.split(' ')[3])
}
