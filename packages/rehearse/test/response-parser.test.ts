// Proves that responses are read as RFC 9112 says, however the bytes arrive, and that what is none is never taken for one.
import { expect, test } from 'vitest'
import { type Parsed, ResponseParser } from '../src/wire/response-parser.js'

function parse(text: string, pieceBytes: number): Parsed[] {
  const parser = new ResponseParser()
  const bytes = Buffer.from(text, 'latin1')
  const found: Parsed[] = []
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    found.push(parser.push(bytes.subarray(at, at + pieceBytes)))
  }
  return [...found, parser.end()]
}

const head = 'HTTP/1.1 200 OK\r\n'

test.each([
  { what: 'a length', text: `${head}Content-Length: 5\r\n\r\nhello`, isKept: true },
  {
    what: 'chunks',
    text: `${head}Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: 1\r\n\r\n`,
    isKept: true,
  },
  {
    what: 'an interim response',
    text: `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${head}Content-Length: 5\r\n\r\nhello`,
    isKept: true,
  },
  {
    what: 'Connection: close',
    text: `${head}Connection: close\r\nContent-Length: 5\r\n\r\nhello`,
    isKept: false,
  },
  { what: 'HTTP/1.0', text: 'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello', isKept: false },
  { what: 'the end of the connection', text: `${head}\r\nhello`, isKept: false },
])('a body that ends by $what, in pieces of any size', ({ text, isKept }) => {
  for (let pieceBytes = 1; pieceBytes <= text.length; pieceBytes++) {
    const complete = parse(text, pieceBytes).filter(({ is }) => is !== 'incomplete')
    expect(complete).toHaveLength(1)
    expect(complete[0]).toMatchObject({ is: 'complete', response: { status: 200, isKept } })
    expect(complete[0]?.is === 'complete' && complete[0].response.body.toString()).toBe('hello')
  }
})

test.each([204, 304])('a response with status %i has no body', (status) => {
  const text = `HTTP/1.1 ${status} X\r\nContent-Length: 5\r\n\r\n`
  expect(parse(text, text.length)[0]).toMatchObject({ is: 'complete' })
})

test('bytes after a response are handed back', () => {
  const text = `${head}Content-Length: 2\r\n\r\nokHTTP/1.1 200`
  const [parsed] = parse(text, text.length)
  expect(parsed?.is === 'complete' && parsed.rest.toString()).toBe('HTTP/1.1 200')
})

test.each([
  'HTTQ/1.1 200 OK\r\n\r\n',
  'HTTP/2.0 200 OK\r\n\r\n',
  'HTTP/1.1 99 No\r\n\r\n',
  'hello',
  `${head}no header\r\n\r\n`,
  `${head}Content-Length: five\r\n\r\n`,
  `${head}Content-Length: -1\r\n\r\n`,
  `${head}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`,
  `${head}Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n`,
])('%j is malformed', (text) => {
  const found = parse(text, text.length)
  expect(found[0]).toMatchObject({ is: 'malformed' })
})

test.each([
  `${head}Content-Length: 5\r\n\r\nhell`,
  `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
])('%j is incomplete at the end of the connection', (text) => {
  expect(parse(text, text.length).every(({ is }) => is === 'incomplete')).toBe(true)
})
