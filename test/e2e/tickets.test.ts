// Proves that a TLS session is resumed by the successor, and by the successors after it, and only at
// the server that it is of, until its keys are renewed.
import { once } from 'node:events'
import type { EndlessOptions } from '@endless/core'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import {
  connectRaw,
  createCertificate,
  startFixture,
  superviseFixture,
  temporaryDirectory,
  until,
  withDeadline,
} from '../helpers/index.js'

const deadlineMs = 15_000
const certificates = fileURLToPath(new URL('../fixtures/certificates/', import.meta.url))

/** Starts two servers with a certificate each. */
async function start(options: EndlessOptions = {}, launch = startFixture) {
  const directory = temporaryDirectory()
  const { cert, key } = await createCertificate()
  writeFileSync(path.join(directory, 'own.crt'), cert)
  writeFileSync(path.join(directory, 'own.key'), key)
  const servers = [
    {
      name: 'first',
      cert: `${certificates}chain.crt`,
      key: `${certificates}localhost.key`,
      options,
    },
    { name: 'second', cert: `${directory}/own.crt`, key: `${directory}/own.key` },
  ]
  const program = launch('speaks-go.mjs', { args: [JSON.stringify(servers)] })
  const serving = await program.waitForEvent('serving', { step: 'both servers serve', deadlineMs })
  return { program, ports: serving['ports'] as [number, number] }
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('%s', (version) => {
  const only = { minVersion: version, maxVersion: version }

  /** Does a handshake and a request; answers which generation was met, and whether the session was resumed. */
  async function visit(port: number, session?: Buffer) {
    const client = await connectRaw(port, { tls: { ...only, ...(session && { session }) } })
    client.request('/')
    const [response] = await client.waitForResponses(1)
    const isResumed = client.tlsSocket.isSessionReused()
    client.destroy()
    return { generation: Number(response?.headers['x-generation']), isResumed }
  }

  /** Visits until two processes have answered; returns whether each has resumed the session. */
  async function visitBoth(port: number, session: Buffer): Promise<boolean[]> {
    const resumed = new Map<unknown, boolean>()
    await until(
      async () => {
        const clients = await Promise.all(
          Array.from({ length: 4 }, () => connectRaw(port, { tls: { ...only, session } })),
        )
        for (const client of clients) {
          client.request('/')
          const [response] = await client.waitForResponses(1)
          resumed.set(response?.headers['x-pid'], client.tlsSocket.isSessionReused())
          client.destroy()
        }
        return resumed.size === 2
      },
      { step: 'both answer', deadlineMs },
    )
    return [...resumed.values()]
  }

  /** Does a first handshake, and takes the ticket for the next. */
  async function getSession(port: number): Promise<Buffer> {
    const { tlsSocket } = await connectRaw(port, { tls: only })
    const ticket = once(tlsSocket, 'session') as Promise<[Buffer]>
    // Before TLS 1.3 the ticket is a part of the handshake.
    const [session] =
      version === 'TLSv1.2'
        ? [tlsSocket.getSession()!]
        : await withDeadline(ticket, { step: 'a ticket comes', deadlineMs })
    tlsSocket.destroy()
    return session
  }

  test('sessions are resumed across five restarts, each at its own server', async () => {
    const { program, ports } = await start()
    const sessions = [await getSession(ports[0]), await getSession(ports[1])] as const
    for (const generation of [1, 2, 3, 4, 5]) {
      program.signal('SIGHUP')
      await program.waitForGeneration(generation, { deadlineMs })
      for (const index of [0, 1] as const) {
        const visited = await visit(ports[index], sessions[index])
        expect(visited).toEqual({ generation, isResumed: true })
      }
    }
    expect(await visit(ports[1], sessions[0])).toEqual({ generation: 5, isResumed: false })
  })

  test('under a supervisor sessions are resumed by what replaces a crashed generation', async () => {
    const { program, ports } = await start({}, superviseFixture)
    const sessions = [await getSession(ports[0]), await getSession(ports[1])] as const
    for (const generation of [1, 2]) {
      program.signal('SIGKILL', program.current.pid)
      await until(() => program.generations.length > generation, {
        step: 'another generation serves',
        deadlineMs,
        explain: () => program.output.toString(),
      })
      for (const index of [0, 1] as const) {
        const visited = await visit(ports[index], sessions[index])
        expect(visited).toEqual({ generation, isResumed: true })
      }
    }
    // They are nobody else's to see.
    expect(program.output.toString()).not.toMatch(/[A-Za-z0-9+/]{64}/)
  })

  test('renewed keys ask for a full handshake, and restarts do not put that off', async () => {
    const ticketRotationMs = 3_000
    const beganMs = performance.now()
    const { program, ports } = await start({ ticketRotationMs })
    const sessions = [await getSession(ports[0]), await getSession(ports[1])] as const
    let visited = await visit(ports[0], sessions[0])
    // Each generation lives much shorter than the keys.
    while (visited.isResumed && performance.now() - beganMs < 4 * ticketRotationMs) {
      program.signal('SIGHUP')
      await program.waitForGeneration(visited.generation + 1, { deadlineMs })
      visited = await visit(ports[0], sessions[0])
    }
    expect(visited.isResumed).toBe(false)
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(ticketRotationMs)
    // The other server keeps its keys for half a day, and the new ones are good for new sessions.
    expect(await visit(ports[1], sessions[1])).toMatchObject({ isResumed: true })
    expect(visited.generation).toBeGreaterThan(0)
  })
  test('workers renew their keys together, so that each resumes the sessions of the other', async () => {
    const launch: typeof startFixture = (name, options) =>
      superviseFixture(name, { ...options, runArgs: ['--workers', '2'] })
    const { program, ports } = await start({ ticketRotationMs: 3_000 }, launch)
    await until(() => program.events.filter(({ event }) => event === 'serving').length === 2, {
      step: 'both serve',
      deadlineMs,
    })
    const first = await getSession(ports[0])
    await until(async () => !(await visitBoth(ports[0], first)).includes(true), {
      step: 'both have new keys',
      deadlineMs,
    })
    const resumes = async () => visitBoth(ports[0], await getSession(ports[0]))
    await until(async () => (await resumes()).every((isResumed) => isResumed), {
      step: 'each resumes a session of the other',
      deadlineMs,
    })
  })
})
