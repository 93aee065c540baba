// Proves that a version which answers with more errors than the one before is taken back by --max-errors, and that one
// which answers as the one before is not.
import { createLoad } from '@endless/load'
import { expect, onTestFinished, test } from 'vitest'
import {
  answersMore,
  answersWith,
  eventOf,
  type How,
  startOnProbation,
  until,
} from '../helpers/index.js'

const deadlineMs = 20_000

async function load(port: number) {
  const clients = createLoad({ port, keepAliveConnections: 30, thinkMs: [5, 25] })
  clients.start()
  onTestFinished(async () => {
    await clients.stop()
  })
  await until(() => clients.snapshot().answered > 100, { step: 'answers', deadlineMs })
  return clients
}

test.each<How>(['alone', 'with two workers'])(
  'a service %s takes a version back that answers 500 to 5 % of requests',
  async (how) => {
    const { program, first, port, deploy, endless, status } = await startOnProbation(how, {})
    const clients = await load(port)
    deploy({ ports: 1, errors: 0.05 })
    const words = ['--probation', '10min', '--max-errors', '1%', '--wait', 'proven']
    const restarting = endless('restart', ...words)
    await eventOf(program, 'taken-over', first.pid)
    const takenOverMs = performance.now()
    const { code, err } = await restarting
    expect(code).toBe(1)
    expect(err).toMatch(
      /: \d+ of its last \d+ answers had a status of 5xx, and 0 of \d+ before the restart\. /,
    )
    expect(performance.now() - takenOverMs).toBeLessThan(10_000)
    await until(async () => (await status()).generations.every(({ number }) => number === 0), {
      step: 'only the old version is left',
      deadlineMs,
    })
    await answersMore(clients)
    const { failures } = await clients.stop()
    expect(failures.filter(({ kind }) => kind !== 'status')).toEqual([])
  },
)

test('a version that answers as the one before is proven, however many errors that had', async () => {
  const { program, first, port, deploy, endless, restart } = await startOnProbation(
    'under a supervisor',
    {},
  )
  await load(port)
  deploy({ ports: 1, errors: 0.05 })
  await restart('&probationMs=0')
  await eventOf(program, 'exit', first.pid)
  const words = ['--probation', '3s', '--max-errors', '1%', '--wait', 'proven']
  expect(await endless('restart', ...words)).toMatchObject({ code: 0 })
  expect(await answersWith(port)).toBe(program.current.pid)
})
