// Proves that restarts which come faster than old generations can end do not pile them up: beyond maxGenerations the
// oldest is hammered, and says so. Alone, and in each slot of a supervisor.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import {
  connectRaw,
  get,
  startFixture,
  superviseFixture,
  temporaryDirectory,
  until,
} from '../helpers/index.js'

const deadlineMs = 30_000
const maxGenerations = 2
const restarts = 3

/** A generation in `GET /status`. */
interface Listed {
  number: number
  state: string
  servers: { connections: { upgraded: number } }[]
}

/** Opens tunnels that nobody closes, until each generation that serves has one. */
async function openTunnels(port: number, living: () => Promise<Listed[]>): Promise<void> {
  const step = 'each has a tunnel'
  const hasNone = ({ state, servers }: Listed) =>
    state === 'running' && servers.every(({ connections }) => connections.upgraded === 0)
  const openAnother = async () => {
    const tunnel = await connectRaw(port)
    tunnel.request('/', { headers: 'Connection: upgrade\r\nUpgrade: echo\r\n' })
    await until(() => tunnel.received.includes('101'), { step: 'a tunnel is open', deadlineMs })
    return !(await living()).some(hasNone)
  }
  await until(openAnother, { step, deadlineMs })
}

test.each([
  ['alone', 0],
  ['with two workers', 2],
])(
  'a service %s keeps at most so many generations, and ends the oldest first',
  async (_, workers) => {
    const control = path.join(temporaryDirectory(), 'control.sock')
    const fixture = 'moves-tunnels.mjs'
    // Nobody closes the tunnels, and no hammer falls by itself.
    const options = { maxGenerations, hammerTimeMs: -1, control }
    const program =
      workers === 0
        ? startFixture(fixture, { args: [JSON.stringify({ options })] })
        : superviseFixture(fixture, {
            args: [JSON.stringify({ options: { maxGenerations, hammerTimeMs: -1 } })],
            runArgs: ['--control', control, '--workers', String(workers)],
          })
    const { port = 0 } = await program.waitForGeneration(0, { deadlineMs })
    await until(() => existsSync(control), { step: 'the control socket is there', deadlineMs })
    const order = async (method: 'GET' | 'POST', target: string) =>
      JSON.parse((await get(0, target, { socketPath: control, method, deadlineMs })).body) as {
        generations: Listed[]
      }
    const slots = Math.max(1, workers)
    const most = maxGenerations * slots
    const living = async () => (await order('GET', '/status')).generations
    const serving = async () => (await living()).filter(({ state }) => state === 'running')
    await until(async () => (await serving()).length === slots, { step: 'all serve', deadlineMs })

    for (let number = 0; number < restarts; number++) {
      await openTunnels(port, living)
      await order('POST', '/restart')
      await until(async () => (await living()).length <= most, {
        step: `at most ${most} generations live after restart ${number}`,
        deadlineMs,
        explain: () => program.output.toString(),
      })
    }
    const lines = program.stderr.match(/generation \d+ \(pid \d+\) ends now: .*$/gm) ?? []
    expect(lines).toHaveLength((restarts + 1 - maxGenerations) * slots)
    expect(lines.map((line) => Number(/\d+/.exec(line)))).toEqual(
      Array.from({ length: lines.length }, (__, at) => Math.floor(at / slots)),
    )
    expect(lines[0]).toMatch(/: too many generations live \(maxGenerations\)$/)
    const left = await living()
    expect(new Set(left.map(({ number }) => number))).toEqual(new Set([restarts - 1, restarts]))
  },
)
