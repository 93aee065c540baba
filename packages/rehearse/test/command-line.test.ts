// Proves what a rehearsal makes of what it is given: an access log, an address, latencies.
import { expect, test } from 'vitest'
import { Latencies } from '../src/report/latencies.js'
import { addressOf } from '../src/service/address.js'
import { pathsInLog } from '../src/traffic/access-log.js'
import { lookupFor } from '../src/wire/dial.js'

test('the GETs of an access log weigh as much as they occur; nothing else is taken', () => {
  const line = (request: string): string =>
    `203.0.113.7 - - [01/May/2026:12:00:00 +0000] "${request}" 200 12 "-" "curl/8"`
  const log = [
    line('GET /search?q=a HTTP/1.1'),
    line('GET /cart HTTP/2.0'),
    line('GET /search?q=a HTTP/1.1'),
    line('POST /cart HTTP/1.1'),
    line('GET http://elsewhere.example/ HTTP/1.1'),
    line('GET /a\r\nX: y HTTP/1.1'),
    'garbage',
  ].join('\n')
  expect(pathsInLog(log)).toEqual([
    { path: '/search?q=a', weight: 2, isFromLog: true },
    { path: '/cart', weight: 1, isFromLog: true },
  ])
})

test.each([
  'http://localhost:3000',
  'http://127.0.0.1',
  'https://[::1]:8443',
  'http://app.localhost',
])('%s is this machine', (url) => {
  expect(addressOf(url).url).toBe(url)
})

test.each(['http://10.0.0.1', 'http://shop.example', 'http://localhost.example', 'http://[::2]'])(
  '%s is refused, unless its host is said to be mine',
  (url) => {
    expect(() => addressOf(url)).toThrow('is not this machine')
    expect(() => addressOf(url, 'other.example')).toThrow('is not this machine')
    expect(addressOf(url, new URL(url).hostname).url).toBe(url)
  },
)

test('a path is no part of where a server is', () => {
  expect(() => addressOf('http://localhost:3000/cart')).toThrow('--path /cart')
})

test.each(['localhost', 'app.localhost'])('%s is looked up nowhere else than here', (host) => {
  let found: unknown
  lookupFor(host)?.(host, { all: true }, (_error, addresses) => (found = addresses))
  expect(found).toEqual([
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ])
  expect(lookupFor('127.0.0.1') ?? lookupFor('shop.example')).toBe(undefined)
})

test.each(['localhost:3000', 'ftp://localhost', '/', ''])('%j is no URL of a server', (url) => {
  expect(() => addressOf(url)).toThrow('is no URL of a server')
})

test('percentiles are exact: the least latency that a fraction of the requests did not exceed', () => {
  const latencies = new Latencies(Array.from({ length: 1_000 }, (_, at) => 1_000 - at))
  expect(latencies.summary).toEqual({
    count: 1_000,
    p50Ms: 500,
    p90Ms: 900,
    p99Ms: 990,
    p999Ms: 999,
    maxMs: 1_000,
  })
  expect(new Latencies([]).summary).toMatchObject({ count: 0, p99Ms: 0 })
  expect(latencies.quantiles.at(-1)?.latencyMs).toBe(1_000)
})
