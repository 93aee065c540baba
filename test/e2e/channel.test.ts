// Proves that whatever happens to the channel between two generations costs nothing: garbage on it, handles that are
// lost on the way, an end while one is under way.
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import {
  connectRaw,
  endless,
  get,
  isAlive,
  openGate,
  type ProgramEvent,
  startFixture,
  startProgram,
  until,
  waitForGate,
} from '../helpers/index.js'

const deadlineMs = 15_000
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))

test('what a program writes to descriptor 3, as under s6, does not reach its predecessor', async () => {
  const program = startFixture('misuses-descriptors.mjs', { args: ['writes-to-3', 'ready'] })
  const { pid } = await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGHUP')
  const { port = 0 } = await program.waitForGeneration(1, { deadlineMs })
  const exit = await program.waitForExit({ step: 'the predecessor ends', deadlineMs })
  expect(exit).toEqual({ code: 0, signal: null })
  expect((await get(port)).body).toBe('generation 1')
  expect(program.stderr).not.toContain(`[endless ${pid}] Ignored`)
})

test('garbage on the channel is ignored, told, and ends nobody', async () => {
  const program = startFixture('misuses-descriptors.mjs', { args: ['writes-to-the-channel'] })
  const { pid, port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  const client = await connectRaw(port)
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab')
  await until(async () => (await get(port)).body === 'generation 0', {
    step: 'it is read',
    deadlineMs,
  })
  program.signal('SIGHUP')
  await program.waitForGeneration(1, { deadlineMs })
  await get(port, '/misuse')
  await program.waitForLine(
    new RegExp(`\\[endless ${pid}\\] Ignored what the successor wrote to its channel: .*JSON`),
    { step: 'it is told', deadlineMs },
  )
  client.write('cd')
  await client.waitForResponses(1)
  expect(client.responses[0]?.body).toBe('abcd')
  await program.waitForExit({ step: 'the predecessor ends', deadlineMs })
  expect((await get(port)).body).toBe('generation 1')
})

describe.each<[string, string[]]>([
  ['alone', []],
  ['under a supervisor', [endless, 'run']],
])('%s', (_, runner) => {
  test('connections that a successor has no descriptor for are served by the predecessor', async () => {
    const program = startProgram({
      command: 'sh',
      args: [
        ...['-c', 'ulimit -n 128; exec "$@"', 'sh', process.execPath],
        ...[...runner, fixture('misuses-descriptors.mjs'), 'takes-all', 'ready'],
      ],
    })
    const { pid, port = 0 } = await program.waitForGeneration(0, { deadlineMs })
    const clients = await Promise.all(Array.from({ length: 8 }, () => connectRaw(port)))
    for (const client of clients) client.request('/')
    for (const client of clients) await client.waitForResponses(1)
    program.signal('SIGHUP', program.pid)
    await program.waitForEvent('full', { step: 'the successor has no descriptor left', deadlineMs })
    await program.waitForEvent('taken-over', { step: 'it has taken over', deadlineMs })
    for (const client of clients) client.request('/')
    for (const client of clients) await client.waitForResponses(2)
    // A descriptor or two may have become free again.
    const stayed = clients.filter(({ responses }) => responses.at(-1)?.body === 'generation 0')
    expect(stayed.length).toBeGreaterThan(4)
    for (const client of clients) client.destroy()
    await program.waitForEnd(pid, { step: 'the predecessor ends', deadlineMs })
  })
})

test('the successor serves when its predecessor dies before it has taken the copy of a socket', async () => {
  const program = startFixture('boots-when-told.mjs')
  const { pid, port = 0 } = await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGHUP')
  const gate = await waitForGate(program, 1)
  program.signal('SIGSTOP', pid)
  await openGate(gate)
  const isBound = ({ event, pid }: ProgramEvent) => event === 'bound' && pid === gate.pid
  await program.waitForEvent(isBound, { step: 'the successor listens', deadlineMs })
  program.signal('SIGKILL', pid)
  await program.waitForGeneration(1, { deadlineMs })
  expect((await get(port)).body).toBe('generation 1')
  expect(isAlive(gate.pid)).toBe(true)
})

test.each(['listener', 'welcome'])(
  'the new process serves when its predecessor dies with the message %s',
  async (type) => {
    const program = startFixture('serves.mjs', {
      execArgv: ['--require', fixture('dies-at-a-message.cjs')],
      env: { DIES_AT: type },
    })
    const { pid, port = 0 } = await program.waitForGeneration(0, { deadlineMs })
    program.signal('SIGHUP')
    await program.waitForEnd(pid, { step: 'the predecessor is killed', deadlineMs })
    const next = await program.waitForEvent(
      ({ event, pid: who }) => event === 'ready' && who !== pid,
      {
        step: 'the new process serves',
        deadlineMs,
      },
    )
    expect((await get(Number(next['port'] ?? port))).status).toBe(200)
  },
)
