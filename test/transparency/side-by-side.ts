import { once } from 'node:events'
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import tls from 'node:tls'
import { endless } from '@endless/core'
import { expect } from 'vitest'

// Runs one statement about a server twice, on a bare and on an endless one, and compares what it observed.

const pem = (name: string): Buffer =>
  readFileSync(new URL(`../fixtures/certificates/${name}`, import.meta.url))
const certificate = { cert: pem('chain.crt'), key: pem('localhost.key') }

/** Creates a server of each kind; `answer` handles the requests of those that have any. */
export const creators = {
  net: () => net.createServer(),
  tls: () => tls.createServer(certificate),
  http: (answer?: http.RequestListener) => http.createServer(answer),
  https: (answer?: http.RequestListener) => https.createServer(certificate, answer),
  http2: () => http2.createServer(),
  'http2 over TLS': (answer?: http.RequestListener) =>
    http2.createSecureServer({ ...certificate, allowHTTP1: true }, answer as never),
}

export type Kind = keyof typeof creators
export const kinds = Object.keys(creators) as Kind[]

/** What a statement gets to work with: one side of the comparison. */
export interface Side {
  isEndless: boolean
  /** Empty, and gone afterwards; its path is `<dir>` in what was observed. */
  directory: string
  /** Creates a server of a kind, which is endless on that side. */
  create: (kind: Kind, answer?: http.RequestListener) => net.Server
  /** Adds to what was observed. */
  note: (...what: unknown[]) => void
}

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

async function observe(isEndless: boolean, statement: (side: Side) => unknown): Promise<unknown[]> {
  const directory = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'endless-')))
  const servers: net.Server[] = []
  const notes: unknown[] = []
  try {
    await statement({
      isEndless,
      directory,
      create(kind, answer) {
        const server: net.Server = creators[kind](answer)
        servers.push(server)
        // The signals of this process belong to the test runner.
        if (isEndless) endless(server, { signals: [], logger: silent })
        return server
      },
      note: (...what) => notes.push(...what.map((each) => plain(each, directory))),
    })
    return notes
  } finally {
    for (const server of servers) await close(server)
    rmSync(directory, { recursive: true, force: true })
  }
}

async function close(server: net.Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  if ('closeAllConnections' in server) (server as http.Server).closeAllConnections()
  await closed
}

/** Runs a statement on both sides, and expects that it observes the same. */
export async function expectSame(statement: (side: Side) => unknown): Promise<void> {
  const bare = await observe(false, statement)
  expect(bare, 'a statement observes something').not.toEqual([])
  expect(await observe(true, statement)).toEqual(bare)
}

/** Makes observations comparable: errors as data, and no directory, descriptor or time in them. */
function plain(value: unknown, directory: string): unknown {
  if (value instanceof Error) {
    const { name, message, code, syscall, address, port, errno } = value as NodeJS.ErrnoException &
      Record<string, unknown>
    return plain({ name, message, code, syscall, address, port, errno }, directory)
  }
  if (typeof value === 'string') {
    return value.replaceAll(directory, '<dir>').replaceAll(/Date: .*GMT/g, 'Date: <date>')
  }
  if (Array.isArray(value)) return value.map((each) => plain(each, directory))
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, plain(each, directory)]),
    )
  }
  return value
}

/** Resolves when what has been begun in this turn of the loop has reported. */
export async function settle(turns = 5): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** The port of a server that listens on TCP. */
export const portOf = (server: net.Server): number => (server.address() as net.AddressInfo).port

/** Listens on a free port of loopback. */
export async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return portOf(server)
}

/** Calls a function; returns what it returned, or the error that it threw. */
export function attempt(body: () => unknown): unknown {
  try {
    return body()
  } catch (error) {
    return error
  }
}
