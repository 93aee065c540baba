// Proves that a rehearsal signals only what it has started, takes no other server for its own, and that nothing holds it up.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import type net from 'node:net'
import path from 'node:path'
import type { Report } from '@endless/rehearse'
import { expect, onTestFinished, test, vi } from 'vitest'
import { isAlive, runEndless, temporaryDirectory, until } from '../helpers/index.js'

const deadlineMs = 50_000
vi.setConfig({ testTimeout: 120_000 })
const small = ['--kept', '5', '--rate', '50', '--fresh', '5', '--idle', '2']
const short = [...small, '--calm', '500ms', '--settle', '300ms', '--restarts', '1']
const serve = (handler: string): string =>
  `require('http').createServer((q, r) => { ${handler} }).listen(process.env.PORT)`

async function rehearse(
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; out: string; err: string }> {
  const program = runEndless(['rehearse', ...args], { env })
  const { code } = await program.waitForExit({ step: 'the rehearsal ends', deadlineMs })
  await program.end()
  return { code, out: program.stdout, err: program.stderr }
}

/** Starts a server in this process; returns its port. */
async function listen(): Promise<number> {
  const server = http.createServer((_request, response) => response.end('hello'))
  server.listen(0, 'localhost')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as net.AddressInfo).port
}

test('a process that a response names is signalled only if the rehearsal has started it', async () => {
  const stranger = spawn('sleep', ['100'])
  onTestFinished(() => void stranger.kill('SIGKILL'))
  const server = serve(`r.setHeader('x-pid', '${stranger.pid ?? 0}').end('hello')`)
  const { out } = await rehearse([...short, '--restart-timeout', '1s', '--', 'node', '-e', server])
  expect(out).toContain('- restart 1 failed: no new process has answered within 1 s')
  expect(isAlive(stranger.pid ?? 0)).toBe(true)
})

test('a port on which another server listens is refused, and that server is left alone', async () => {
  const port = await listen()
  const words = [...short, '--', 'node', '-e', serve("r.end('hello')")]
  const { code, err } = await rehearse(words, { PORT: String(port) })
  expect(err).toContain(`something listens on port ${port} already`)
  expect(code).toBe(2)
})

test('a daemon that the restart command leaves does not hold the rehearsal, and can go on to write', async () => {
  const folder = temporaryDirectory()
  const pidFile = path.join(folder, 'pid')
  const command = `(while sleep 0.1; do echo alive; done) & echo $! > ${pidFile}`
  const { code, out } = await rehearse([
    ...short,
    ...['--url', `http://localhost:${await listen()}`, '--restart-command', command],
  ])
  const daemon = Number(readFileSync(pidFile, 'utf8'))
  onTestFinished(() => void process.kill(daemon, 'SIGKILL'))
  expect(isAlive(daemon)).toBe(true)
  // No response names a process.
  expect(out).toContain('passed: 1 restart, none of which could be seen, lost 0 of')
  expect(code).toBe(0)
})

test('a restart command that hangs fails the restart, and is ended with all that it has started', async () => {
  const pidFile = path.join(temporaryDirectory(), 'pid')
  const url = `http://localhost:${await listen()}`
  const command = `sleep 100 & echo $! > ${pidFile}; wait`
  const { code, out } = await rehearse([
    ...[...short, '--url', url, '--restart-command', command, '--restart-timeout', '1s'],
  ])
  expect(out).toContain('- restart 1 failed: it was not done within 1 s (--restart-timeout)')
  expect(code).toBe(1)
  const pid = Number(readFileSync(pidFile, 'utf8'))
  await until(() => !isAlive(pid), { step: 'it is ended', deadlineMs })
})

test('a restart that is ignored fails, also if no response names a process', async () => {
  const deaf = `process.on('SIGHUP', () => undefined); require('http2').createServer((q, r) => r.end('hello')).listen(process.env.PORT)`
  const words = [...short, '--http2', '--restart-timeout', '1s', '--', 'node', '-e', deaf]
  const { code, out } = await rehearse(words)
  expect(out).toContain('- restart 1 failed: no new process has answered within 1 s')
  expect(code).toBe(1)
})

test('a connection that the server keeps for a second is not used when it ends', async () => {
  const seldom = ['--kept', '20', '--rate', '8', '--fresh', '0', '--idle', '0']
  const { out } = await rehearse([
    ...[...seldom, '--calm', '4s', '--settle', '500ms', '--restarts', '0', '--json', '--'],
    ...['node', '-e', `${serve("r.end('hello')")}.keepAliveTimeout = 1_000`],
  ])
  const { connections, requests } = JSON.parse(out) as Report
  expect(connections.kept).toMatchObject({ 'while-idle': 0, 'in-request': 0 })
  expect(connections.kept.opened).toBeGreaterThan(20)
  expect(requests.lost).toBe(0)
})

test('a terminal that is closed ends the rehearsal in a report, and the server with it', async () => {
  const words = [...small, '--calm', '60s', '--', 'node', '-e', serve("r.end('hello')")]
  const program = runEndless(['rehearse', ...words])
  const [, pid = ''] = await program.waitForLine(/^Starting the server, pid (\d+)/, {
    step: 'the server starts',
    deadlineMs,
  })
  await program.waitForLine(/^ {2}\d+ s, restart 0\/3/, { step: 'it is under load', deadlineMs })
  program.signal('SIGHUP', program.pid)
  await program.waitForExit({ step: 'the rehearsal ends', deadlineMs })
  await program.end()
  expect(program.stdout).toContain('- it was interrupted')
  expect(isAlive(Number(pid))).toBe(false)
})
