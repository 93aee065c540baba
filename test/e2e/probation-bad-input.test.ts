// Proves that a probation which meets another version of endless, or two rollbacks at once, ends as one would wish, and
// says so in a line.
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import {
  answersMore,
  answersWith,
  connectRaw,
  eventOf,
  get,
  installCore,
  putLoad,
  startOnProbation,
  startProgram,
  temporaryDirectory,
  until,
} from '../helpers/index.js'

const deadlineMs = 30_000

test('a version that knows nothing of a probation is rolled back as by SIGTERM, and that is said', async () => {
  const directory = temporaryDirectory()
  const core = installCore(directory, 'copy')
  const app = path.join(directory, 'app.mjs')
  const control = path.join(directory, 'control')
  const socketPath = path.join(directory, 'socket')
  writeFileSync(
    app,
    `import { endless, generation } from '@endless/core'
    const say = (event, more) =>
      console.log(JSON.stringify({ event, pid: process.pid, generation: generation.number, ...more }))
    const answer = (request, response) => {
      response.setHeader('x-pid', process.pid)
      response.end()
    }
    endless(answer).listen(${JSON.stringify(socketPath)})
    const server = endless(answer, ${JSON.stringify({ control, probationMs: 600_000, idleGraceMs: 0 })})
    generation.on('ready', () => say('ready', server.server.address()))
    generation.on('drain', () => say('drain'))
    server.listen(0, '127.0.0.1')`,
  )
  const program = startProgram({ args: [app] })
  const { port = 0, pid: first } = await program.waitForGeneration(0, { deadlineMs })
  const predecessor = path.join(core, 'dist/handoff/predecessor.js')
  const text = readFileSync(predecessor, 'utf8')
  const other = text.replace(/givesBack: true, countsAnswers: true/, '')
  expect(other).not.toBe(text)
  writeFileSync(predecessor, other)
  program.signal('SIGHUP')
  const { pid } = await program.waitForGeneration(1, { deadlineMs })
  await program.waitForLine(/has another version of endless: nobody sees whether it is blocked/, {
    step: 'it is said',
    deadlineMs,
  })
  await eventOf(program, 'drain', first)
  const client = await connectRaw(port)
  client.request('/')
  await client.waitForResponses(1)
  // It is told to end before it could answer.
  await get(0, '/rollback', { socketPath: control, method: 'POST' }).catch(() => undefined)
  await program.waitForEnd(pid, { step: 'the new one ends', deadlineMs })
  expect(await answersWith(port)).toBe(first)
  // It has shut down, and so removes the paths that lead to its sockets.
  expect((await get(0, '/', { socketPath })).headers['x-pid']).toBe(String(first))
  await until(() => client.endedBy !== undefined, { step: 'its connection ends', deadlineMs })
})

test('two rollbacks at once are one, and lose nothing', async () => {
  const { program, first, port, endless, restart } = await startOnProbation('under a supervisor')
  const clients = await putLoad(port)
  const { pid } = await restart()
  const both = await Promise.all([endless('rollback'), endless('rollback')])
  const codes = both.map(({ code }) => code).sort()
  expect(codes[0]).toBe(0)
  for (const { code, err } of both) {
    if (code === 1)
      expect(err).toMatch(/^endless: Cannot roll back: no generation is on probation\.[^\n]*$/)
  }
  await eventOf(program, 'exit', pid)
  expect(await answersWith(port)).toBe(first.pid)
  await answersMore(clients)
  expect((await clients.stop()).failures).toEqual([])
})
