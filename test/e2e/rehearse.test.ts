// Proves that `endless rehearse` restarts a server in each of its ways, accounts for what its clients see, leaves no
// process behind, and ends with 0 only if nothing was lost.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Report } from '@endless/rehearse'
import { expect, test, vi } from 'vitest'
import {
  isAlive,
  runEndless,
  superviseFixture,
  temporaryDirectory,
  until,
  type Program,
} from '../helpers/index.js'

const deadlineMs = 50_000
vi.setConfig({ testTimeout: 120_000 })
const express = fileURLToPath(new URL('../../examples/express/app.js', import.meta.url))
const small = ['--kept', '10', '--rate', '50', '--fresh', '10', '--idle', '5']
const short = [...small, '--calm', '800ms', '--settle', '500ms', '--restarts', '1']
const plainServer =
  "require('http').createServer((q, r) => q.pipe(r)).listen(process.env.PORT, () => console.log('up'))"

const withoutCart = plainServer.replace('q.pipe(r)', "r.writeHead(q.url === '/' ? 200 : 500).end()")

interface Rehearsed {
  code: number | null
  out: string
  err: string
}

async function ended(program: Program): Promise<Rehearsed> {
  const { code } = await program.waitForExit({ step: 'the rehearsal ends', deadlineMs })
  await program.end() // all of its output has come
  return { code, out: program.stdout, err: program.stderr }
}

function rehearse(...args: string[]): Promise<Rehearsed> {
  return ended(runEndless(['rehearse', ...args]))
}

function reportIn({ out, err }: Rehearsed): Report {
  try {
    return JSON.parse(out) as Report
  } catch {
    throw new Error(`no report: ${out}\n${err}`)
  }
}

test('a server with endless loses nothing, connections move, and all that was sent is accounted for', async () => {
  const rehearsed = await rehearse(
    ...short,
    '--restarts',
    '2',
    '--echo',
    '/echo',
    '--json',
    '--',
    'node',
    express,
  )
  const report = reportIn(rehearsed)
  expect(report.verdict).toMatchObject({ passed: true, complaints: [] })
  expect(rehearsed.code).toBe(0)
  const { requests, processes, connections, restarts } = report
  expect(requests.lost + requests.unasked).toBe(0)
  expect(requests.answered + requests.turnedAway).toBe(requests.total)
  expect(processes.map(({ generation }) => generation)).toEqual([0, 1, 2])
  const fromProcesses = processes.reduce((sum, { answers }) => sum + answers, 0)
  expect(fromProcesses).toBe(requests.total)
  expect(connections.kept.moved).toBeGreaterThan(0)
  expect(connections.kept['while-idle'] + connections.idle['while-idle']).toBe(0)
  expect(restarts.map(({ pid }) => pid)).toEqual(processes.slice(1).map(({ pid }) => pid))
  for (const { pid } of processes) expect(isAlive(pid)).toBe(false)
})

test('a server that dies of SIGHUP is started again, and the requests that it lost are counted by kind', async () => {
  const rehearsed = await rehearse(...short, '--json', '--', 'node', '-e', plainServer)
  const { requests, respawns, verdict, connections } = reportIn(rehearsed)
  expect(rehearsed.code).toBe(1)
  expect(verdict.passed).toBe(false)
  expect(respawns).toBe(1)
  expect(requests.outcomes.refused.restarts).toBeGreaterThan(0)
  expect(requests.lost).toBe(requests.total - requests.answered)
  // Each of them ended with the process: while idle, or in a request.
  const { kept, idle } = connections
  const cut = [kept, idle].map((each) => each['while-idle'] + each['in-request'])
  expect(cut[0]! + cut[1]!).toBeGreaterThanOrEqual(15)
  expect(rehearsed.err).toContain('it was started again, as a service manager does')
})

test('Ctrl-C ends a rehearsal in a report, and ends the server', async () => {
  const program = runEndless(['rehearse', ...small, '--calm', '60s', '--', 'node', express])
  const [, pid = ''] = await program.waitForLine(/^Starting the server, pid (\d+)/, {
    step: 'the server starts',
    deadlineMs,
  })
  await program.waitForLine(/^ {2}\d+ s, restart 0\/3/, { step: 'it is under load', deadlineMs })
  program.signal('SIGINT', program.pid)
  const { code, out } = await ended(program)
  expect(out).toContain('- it was interrupted\nFAILED: 0 restarts lost 0 of')
  expect(code).toBe(1)
  expect(isAlive(Number(pid))).toBe(false)
})

test('a service that runs is restarted by its control socket, and its report is written as JSON and as a page', async () => {
  const directory = temporaryDirectory()
  const control = path.join(directory, 'control.sock')
  const json = path.join(directory, 'report.json')
  const html = path.join(directory, 'report.html')
  const service = superviseFixture('serves.mjs', { runArgs: ['--control', control] })
  const { port = 0 } = await service.waitForGeneration(0, { deadlineMs })
  const rehearsed = await rehearse(
    ...[...short, '--url', `http://127.0.0.1:${port}`, '--control', control],
    ...['--json', json, '--html', html, '--max-p99-ratio', '1000'],
  )
  expect(rehearsed.err).toContain(`Restart 1 of 1: endless restart --now --control ${control}`)
  expect(rehearsed.code).toBe(0)
  const report = JSON.parse(readFileSync(json, 'utf8')) as Report
  expect(rehearsed.out).toContain(`passed: ${report.verdict.sentence}`)
  expect(report.processes.map(({ generation }) => generation)).toEqual([0, 1])
  expect(readFileSync(html, 'utf8')).toContain(report.verdict.sentence)
  // It was there before, and stays.
  expect(isAlive(service.pid)).toBe(true)
})

test('a restart that fails fails the rehearsal, with its reason', async () => {
  const failing = ['--restart-command', 'echo cannot reload; exit 3']
  const { code, out } = await rehearse(...short, ...failing, '--', 'node', express)
  expect(code).toBe(1)
  expect(out).toContain(
    '- restart 1 failed: it exited with 3: cannot reload\nFAILED: 1 restart lost 0 of',
  )
})

test.each([
  {
    what: 'a host that is not this machine',
    args: ['--url', 'http://192.0.2.1', '--restart-command', 'true'],
    says: '192.0.2.1 is not this machine. Load on a server of others is an attack; if it is yours: --yes-this-is-mine 192.0.2.1',
  },
  {
    what: 'a server that nobody can restart',
    args: ['--url', 'http://localhost:1'],
    says: 'say how the server is restarted: --restart-command, --service, --pid-file or --control',
  },
  {
    what: 'nothing to rehearse',
    args: [],
    says: 'say what to rehearse: -- node app.js, or --url for one that runs',
  },
  {
    what: 'a server that ends',
    args: ['--', 'node', '-e', 'console.log("no database"); process.exit(1)'],
    says: '  | no database\nendless: the server has ended before it listened',
  },
  {
    what: 'a command that does not exist',
    args: ['--', 'no-such-command'],
    says: 'cannot start it: spawn no-such-command ENOENT',
  },
  {
    what: 'a named path that does not work',
    args: ['--path', '/', '--path', '/cart', '--', 'node', '-e', withoutCart],
    says: 'GET /cart at localhost:',
  },
  {
    what: 'a server that speaks TLS, to which nobody speaks it',
    args: [
      '--',
      'node',
      '-e',
      "require('net').createServer((s) => s.end('no')).listen(process.env.PORT)",
    ],
    says: 'if it speaks TLS, --url https://localhost:',
  },
  {
    what: 'a path of a WebSocket without a slash',
    args: ['--ws', '.example/x', '--', 'node', '-e', plainServer],
    says: 'A path begins with a slash: /echo.',
  },
  {
    what: 'a report that cannot be written',
    args: ['--html', '/no/such/folder/x.html', '--', 'node', '-e', plainServer],
    says: 'cannot write /no/such/folder/x.html',
  },
  {
    what: 'a server that does not echo',
    args: ['--echo', '/', '--', 'node', '-e', plainServer.replace('q.pipe(r)', "r.end('hello')")],
    says: 'POST / does not echo: its response has to be what was sent (wrong-body)',
  },
])('$what is refused', async ({ args, says }) => {
  const { code, err } = await rehearse(...args)
  expect(err).toContain(says)
  expect(code).toBe(2)
})

test('a second Ctrl-C ends the rehearsal at once, and the server with it', async () => {
  const hangs =
    "require('http').createServer((q, r) => q.url === '/' && r.end()).listen(process.env.PORT)"
  const program = runEndless(['rehearse', ...small, '--calm', '60s', '--', 'node', '-e', hangs])
  const [, pid = ''] = await program.waitForLine(/^Starting the server, pid (\d+)/, {
    step: 'the server starts',
    deadlineMs,
  })
  await program.waitForLine(/^ {2}\d+ s, restart 0\/3/, { step: 'it is under load', deadlineMs })
  process.kill(Number(pid), 'SIGSTOP')
  program.signal('SIGINT', program.pid)
  program.signal('SIGINT', program.pid)
  await until(() => !isAlive(Number(pid)), { step: 'the server is gone', deadlineMs })
  await program.waitForExit({ step: 'the rehearsal ends', deadlineMs })
})
