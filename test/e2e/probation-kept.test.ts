// Proves that a restart has the probation that it asked for, whatever else is asked of the service in the same moment,
// and that nobody calls a version proven that is not.
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  answersMore,
  answersWith,
  connectRaw,
  eventOf,
  installCore,
  putLoad,
  runEndless,
  startOnProbation,
  temporaryDirectory,
  until,
} from '../helpers/index.js'

const deadlineMs = 30_000
const slowly = { ports: 1, bootMs: [1_000] }

describe.each(['alone', 'under a supervisor'] as const)('a service %s', (how) => {
  test('restarts once more for a restart with a probation that came while another had none', async () => {
    const { program, deploy, endless } = await startOnProbation(how, {})
    deploy(slowly)
    const plain = endless('restart')
    await program.waitForLine(/restarting: starting generation 1/, { step: 'it boots', deadlineMs })
    const [first, second] = await Promise.all([plain, endless('restart', '--probation', '10min')])
    expect(first).toMatchObject({ code: 0 })
    expect(first.out).toMatch(/^generation 1 .* has taken over after \d+ ms$/)
    expect(second).toMatchObject({ code: 0 })
    expect(second.out).toMatch(/^generation 2 .*, and is on probation for 600 s$/)
  })

  test('is not called proven if it is stopped before its probation has passed', async () => {
    const { program, first, endless } = await startOnProbation(how, {})
    const restarting = endless('restart', '--probation', '10min', '--wait', 'proven')
    await program.waitForGeneration(1, { deadlineMs })
    await eventOf(program, 'drain', first.pid)
    expect(await endless('stop')).toMatchObject({ code: 0 })
    const { code, out } = await restarting
    expect([code, out]).toEqual([1, ''])
  })

  test('is not called proven if the old version dies behind', async () => {
    const { program, first, port, endless } = await startOnProbation(how, {})
    const restarting = endless('restart', '--probation', '10min', '--wait', 'proven')
    const { pid } = await program.waitForGeneration(1, { deadlineMs })
    await eventOf(program, 'drain', first.pid)
    await eventOf(program, 'ready', pid)
    process.kill(first.pid, 'SIGKILL')
    const { code, out } = await restarting
    expect([code, out]).toEqual([1, ''])
    expect(await answersWith(port)).toBe(pid)
  })
})

test('a check that waits for its turn does not judge the restart before it', async () => {
  const { program, deploy, ask, endless } = await startOnProbation('with two workers', {})
  await until(
    async () => ((await ask('GET', '/status')).body['generations'] as unknown[]).length === 2,
    {
      step: 'both workers are there',
      deadlineMs,
    },
  )
  deploy({ ports: 1, bootMs: [0, 2_000] })
  const plain = ask('POST', '/restart?wait=ready')
  await program.waitForLine(/slot 1\] restarting:|slot 1: restarting:/, {
    step: 'the second worker restarts',
    deadlineMs,
  })
  const checked = endless('restart', '--probation', '10min', '--wait', 'proven', '--check', 'false')
  expect((await plain).status).toBe(200)
  const { code, err } = await checked
  expect(code).toBe(1)
  expect(err).toContain("the check 'false' exited with code 1")
  const generations = async () => (await ask('GET', '/status')).body['generations'] as object[]
  // A supervisor hears of an end later than the command.
  await until(async () => (await generations()).length === 2, { step: 'two are left', deadlineMs })
  expect(await generations()).toMatchObject([
    { number: 1, state: 'running' },
    { number: 1, state: 'running' },
  ])
})

test('a release that mends a service which nobody serves is kept if its check passes', async () => {
  const directory = temporaryDirectory()
  installCore(directory)
  const app = path.join(directory, 'app.mjs')
  const bad = path.join(directory, 'bad')
  writeFileSync(
    app,
    `import { existsSync } from 'node:fs'
    import { endless, generation } from '@endless/core'
    if (existsSync(${JSON.stringify(bad)})) process.exit(1)
    const server = endless((request, response) => response.end()).listen(0, '127.0.0.1', () => {
      const { pid } = process
      console.log(JSON.stringify({ event: 'ready', pid, generation: generation.number, port: server.address().port }))
    })`,
  )
  const control = path.join(directory, 'control')
  const program = runEndless(['run', '--control', control, app])
  const restart = async (...words: string[]) => {
    const command = runEndless(['restart', ...words, '--control', control])
    const { code } = await command.waitForExit({ step: 'it restarts', deadlineMs })
    await command.end()
    return { code, out: command.stdout, err: command.stderr }
  }
  const breakIt = async () => {
    const since = program.output.lines.length
    writeFileSync(bad, '')
    process.kill(program.current.pid, 'SIGKILL')
    await program.waitForLine(/starting generation \d+ in (3\.2|12\.8) s/, {
      step: 'nobody serves',
      deadlineMs,
      since,
    })
    rmSync(bad)
  }
  await program.waitForLine(/generation 0 .* serves 127/, { step: 'it serves', deadlineMs })
  await until(() => existsSync(control), { step: 'the control socket is there', deadlineMs })
  // When this is over, the supervisor knows that its generation serves.
  expect(await restart()).toMatchObject({ code: 0 })
  await breakIt()
  expect(await restart('--probation', '10min', '--check', 'true')).toMatchObject({ code: 0 })
  await breakIt()
  const { code, err } = await restart('--probation', '10min', '--check', 'echo no; false')
  expect(code).toBe(1)
  expect(err).toContain(
    "nothing served before, so the new version cannot be rolled back; the check 'echo no; false' exited with code 1: no",
  )
})

test('a supervisor that stands still for a while costs no request of a version that is rolled back meanwhile', async () => {
  const { program, first, port, restart } = await startOnProbation('under a supervisor', {})
  const clients = await putLoad(port)
  const { pid } = await restart('&probationMs=600000&maxBlockedMs=1000')
  await answersMore(clients, 300)
  process.kill(program.pid, 'SIGSTOP')
  await program.waitForLine(/restart failed|Restart failed/, {
    step: 'it is rolled back',
    deadlineMs,
  })
  // By now it has also been told to kill what does not react: the news of the rollback has waited with that.
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  process.kill(program.pid, 'SIGCONT')
  await eventOf(program, 'exit', pid)
  expect(await answersWith(port)).toBe(first.pid)
  await answersMore(clients)
  const { failures, connections } = await clients.stop()
  expect(failures).toEqual([])
  expect(connections).toMatchObject({ closedAnnounced: 0, closedUnannounced: 0 })
})

test('a server that is shut down alone, and hammered, does not end its service', async () => {
  const directory = temporaryDirectory()
  installCore(directory)
  const app = path.join(directory, 'app.mjs')
  writeFileSync(
    app,
    `import { endless, generation } from '@endless/core'
    const options = { hammerTimeMs: 100 }
    const other = endless(() => undefined, options)
    other.listen(0, '127.0.0.1', () => {
      const server = endless((request, response) => {
        if (request.url === '/shutdown') {
          void other.shutdown().then(() => response.end('done'))
          return
        }
        response.setHeader('x-pid', process.pid).end()
      }, options).listen(0, '127.0.0.1', () => {
        const { pid } = process
        const [port, waits] = [server.address().port, other.server.address().port]
        console.log(JSON.stringify({ event: 'ready', pid, generation: generation.number, port, waits }))
      })
    })`,
  )
  const control = path.join(directory, 'control')
  const program = runEndless(['run', '--control', control, app])
  const restart = async () => {
    const command = runEndless(['restart', '--allow-address-change', '--control', control])
    const { code } = await command.waitForExit({ step: 'it restarts', deadlineMs })
    await command.end()
    return [code, command.stderr]
  }
  await program.waitForGeneration(0, { deadlineMs })
  expect((await restart())[0]).toBe(0)
  const { port = 0, ...ready } = await program.waitForGeneration(1, { deadlineMs })
  const waiting = await connectRaw((ready as unknown as { waits: number }).waits)
  waiting.request('/')
  const asking = await connectRaw(port)
  asking.request('/shutdown')
  await asking.waitForResponses(1)
  const [code, err] = await restart()
  expect([code, err]).toEqual([0, expect.not.stringContaining('shutting down')])
})
