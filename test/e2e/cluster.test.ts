// Proves that a worker of node:cluster with an endless server drains when it is told to stop, as a manager of workers
// such as PM2 relies on.
import { expect, test } from 'vitest'
import { createKeepAliveAgent, freePort, get, startFixture } from '../helpers/index.js'

const deadlineMs = 10_000

test.each(['SIGINT', 'SIGTERM'] as const)(
  'a worker answers what it has read, and exits with 0 (%s)',
  async (signal) => {
    const port = await freePort()
    const program = startFixture('drains-in-a-cluster.mjs', { args: [String(port)] })
    const { pid } = await program.waitForEvent('ready', { step: 'the worker serves', deadlineMs })
    const agent = createKeepAliveAgent()
    const answer = get(port, '/', { agent })
    await program.waitForEvent('request', { step: 'it has a request', deadlineMs })
    process.kill(pid, signal)
    const { body, headers } = await answer
    expect({ body, connection: headers.connection }).toEqual({
      body: 'answered',
      connection: 'close',
    })
    agent.destroy()
    const exit = await program.waitForEvent('worker-exit', { step: 'it exits', deadlineMs })
    expect(exit).toMatchObject({ code: 0, signal: null })
    expect(program.stderr).not.toContain('failed')
  },
)
