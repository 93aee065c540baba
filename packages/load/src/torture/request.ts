import { createHash } from 'node:crypto'
import type { Random } from './random.js'
import type { RawResponse } from './responses.js'

// Random requests for test/fixtures/hashes.mjs, and the check of its responses.

/** A request in bytes, and the response body that it must get. */
export interface TortureRequest {
  id: string
  kind: 'get' | 'post' | 'chunked' | 'early'
  head: Buffer
  /** The bytes on the wire: a chunked body includes its chunk sizes. */
  body: Buffer
  expectedBody: string
}

// A body that looks like a request: a server that took it for one (request smuggling) would respond to it.
const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: smuggled\r\n\r\n'
const longestBody = 128 * 1024
const alphabet = 'abcdefghijklmnopqrstuvwxyz'

/** Creates a random request. `close` asks the server to end the connection; `counted` adds `X-Count`. */
export function createRequest(
  random: Random,
  id: string,
  { close, counted }: { close: boolean; counted: boolean },
): TortureRequest {
  const kind = pickKind(random)
  const content = kind === 'get' ? Buffer.alloc(0) : createBody(random)
  const padding = random.chance(0.8) ? random.integer(0, 100) : random.integer(0, 60_000)
  const delayMs = random.chance(0.8) ? 0 : random.integer(1, 30)
  const path = kind === 'early' ? '/early' : '/hash'
  const head = [
    `${kind === 'get' ? 'GET' : 'POST'} ${path}?id=${id}&padding=${padding}&delay=${delayMs} HTTP/1.1`,
    'Host: localhost',
    ...(kind === 'chunked' ? ['Transfer-Encoding: chunked'] : []),
    ...(kind === 'post' || kind === 'early' ? [`Content-Length: ${content.length}`] : []),
    ...(close ? ['Connection: close'] : []),
    ...(counted ? ['X-Count: 1'] : []),
  ]
  const hash = createHash('sha1').update(content).digest('hex')
  const said = kind === 'early' ? `${id} early` : `${id} ${content.length} ${hash}`
  return {
    id,
    kind,
    head: Buffer.from(`${head.join('\r\n')}\r\n\r\n`),
    body: kind === 'chunked' ? inChunks(random, content) : content,
    expectedBody: `${said}\n${alphabet.repeat(Math.ceil(padding / alphabet.length)).slice(0, padding)}`,
  }
}

/** Returns what is wrong with a response, or undefined. */
export function complaintAbout(
  response: RawResponse,
  request: TortureRequest | undefined,
): string | undefined {
  const { status, headers, body } = response
  const got = `status ${status}, id ${headers['x-id'] ?? 'none'}, ${JSON.stringify(body.slice(0, 80))} (${body.length})`
  if (!request) return `a response without a request: ${got}`
  if (status === 200 && headers['x-id'] === request.id && body === request.expectedBody) {
    return undefined
  }
  const { expectedBody, kind } = request
  const wanted = `${JSON.stringify(expectedBody.slice(0, 80))} (${expectedBody.length})`
  return `a wrong response to ${kind} ${request.id}: ${got}, wanted ${wanted}`
}

function pickKind(random: Random): TortureRequest['kind'] {
  const dice = random.next()
  if (dice < 0.35) return 'get'
  if (dice < 0.65) return 'post'
  return dice < 0.85 ? 'chunked' : 'early'
}

function createBody(random: Random): Buffer {
  if (random.chance(0.25)) return Buffer.from(smuggled.repeat(random.integer(1, 20)))
  const dice = random.next()
  const length =
    dice < 0.6 ? random.integer(0, 200) : random.integer(0, dice < 0.95 ? 8 * 1024 : longestBody)
  return noise.subarray(random.integer(0, noise.length - length)).subarray(0, length)
}

function inChunks(random: Random, content: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < content.length;) {
    const chunk = content.subarray(at, at + random.integer(1, Math.max(1, content.length)))
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'))
    at += chunk.length
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')])
}

const noise = createNoise(2 * longestBody)

/** Returns bytes without a pattern, the same in every run. */
function createNoise(length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 64) }, (_, index) =>
    createHash('sha512').update(String(index)).digest(),
  )
  return Buffer.concat(blocks).subarray(0, length)
}
