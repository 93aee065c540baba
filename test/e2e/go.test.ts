// Proves that a program that uses Go's names serves and restarts, over HTTP and TLS, and that its
// successor reads the certificates anew.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import {
  connectRaw,
  createCertificate,
  get,
  startFixture,
  temporaryDirectory,
  type Program,
  type ProgramEvent,
} from '../helpers/index.js'

const deadlineMs = 15_000
const certificates = fileURLToPath(new URL('../fixtures/certificates', import.meta.url))
const authority = readFileSync(path.join(certificates, 'authority.crt'), 'utf8')

interface Serving extends ProgramEvent {
  ports: number[]
  begun: string[]
}

function start(servers: { name: string; cert?: string; key?: string }[]): Program {
  return startFixture('speaks-go.mjs', { args: [JSON.stringify(servers)] })
}

function waitForServing(program: Program, number: number): Promise<Serving> {
  return program.waitForEvent<Serving>(
    ({ event, generation }) => event === 'serving' && generation === number,
    { step: `generation ${number} serves`, deadlineMs },
  )
}

async function restart(program: Program, number: number): Promise<Serving> {
  program.signal('SIGHUP')
  await program.waitForGeneration(number, { deadlineMs })
  return waitForServing(program, number)
}

async function failToRestart(program: Program): Promise<ProgramEvent> {
  const since = program.output.lines.length
  program.signal('SIGHUP')
  return program.waitForEvent('restart-failed', { step: 'the restart fails', deadlineMs, since })
}

/** The certificate that new clients are shown. */
async function certificateAt(port: number): Promise<string> {
  const client = await connectRaw(port, { tls: true })
  const { fingerprint256 } = client.tlsSocket.getPeerCertificate()
  client.destroy()
  return fingerprint256
}

const pair = (directory: string) => ({
  cert: path.join(directory, 'chain.crt'),
  key: path.join(directory, 'localhost.key'),
})

test('three servers of one program serve in turn, and after each restart on the same ports', async () => {
  const program = start([
    { name: 'HTTP' },
    { name: 'HTTPS', ...pair(certificates) },
    { name: 'new' },
  ])
  const { ports } = await waitForServing(program, 0)
  for (const number of [0, 1, 2]) {
    const serving = number === 0 ? await waitForServing(program, 0) : await restart(program, number)
    // Each promise has settled only when its beforeBegin had.
    expect(serving).toMatchObject({ ports, begun: ['HTTP', 'HTTPS', 'new'] })
    for (const [index, port] of ports.entries()) {
      // Trusting the root alone: the chain has to be sent whole.
      const { headers } = await get(port, '/', index === 1 ? { tls: { ca: authority } } : {})
      expect(headers['x-generation']).toBe(String(number))
    }
  }
  expect(program.events.filter(({ event }) => event === 'begun').map(({ where }) => where)).toEqual(
    [0, 1, 2].flatMap(() => ports.map((port) => `127.0.0.1:${port}`)),
  )
  expect(program.events.filter(({ event }) => event === 'new-server')).toMatchObject([
    { states: ['init', null, 'running', true] },
    { states: ['init', null, expect.stringMatching(/^(init|running)$/), true] },
    { states: ['init', null, expect.stringMatching(/^(init|running)$/), true] },
  ])
  const hooks = program.events.filter(
    ({ event, generation }) => event === 'hook' && generation === 0,
  )
  expect(hooks.map(({ hook }) => hook)).toEqual(['before SIGHUP', 'after SIGHUP'])
})

test('a server of newServer serves over TLS too, with its beforeBegin', async () => {
  const program = start([{ name: 'new', ...pair(certificates) }])
  const { ports, begun } = await waitForServing(program, 0)
  expect(begun).toEqual(['new'])
  const { headers } = await get(ports[0]!, '/', { tls: { ca: authority } })
  expect(headers['x-generation']).toBe('0')
})

test('a certificate that was renewed is shown by the successor', async () => {
  const directory = temporaryDirectory()
  cpSync(certificates, directory, { recursive: true })
  const program = start([{ name: 'HTTPS', ...pair(directory) }])
  const { ports } = await waitForServing(program, 0)
  const before = await certificateAt(ports[0]!)
  const { cert, key } = await createCertificate()
  writeFileSync(pair(directory).cert, cert)
  writeFileSync(pair(directory).key, key)
  expect(await certificateAt(ports[0]!)).toBe(before)
  await restart(program, 1)
  expect(await certificateAt(ports[0]!)).not.toBe(before)
  const { headers } = await get(ports[0]!, '/', { tls: { ca: cert } })
  expect(headers['x-generation']).toBe('1')
})

test('a renewal that went wrong fails the restart with its reason, and the old certificate is shown', async () => {
  const directory = temporaryDirectory()
  cpSync(certificates, directory, { recursive: true })
  const { cert, key } = pair(directory)
  const program = start([{ name: 'HTTPS', cert, key }])
  const { ports } = await waitForServing(program, 0)
  const before = await certificateAt(ports[0]!)

  cpSync(path.join(certificates, 'unrelated.key'), key)
  expect(await failToRestart(program)).toMatchObject({
    error: {
      code: 'ERR_ENDLESS_SUCCESSOR_EXITED',
      cause: {
        code: 'ERR_ENDLESS_INVALID_CERTIFICATE',
        message: expect.stringContaining(
          `Cannot serve TLS with the certificate ${cert} and the key ${key}: `,
        ) as string,
      },
    },
  })
  rmSync(cert)
  expect(await failToRestart(program)).toMatchObject({
    error: {
      cause: {
        code: 'ERR_ENDLESS_INVALID_CERTIFICATE',
        message: expect.stringContaining(
          `Cannot read the certificate file ${cert}: ENOENT`,
        ) as string,
      },
    },
  })
  expect(await certificateAt(ports[0]!)).toBe(before)

  cpSync(certificates, directory, { recursive: true })
  await restart(program, 1)
})
