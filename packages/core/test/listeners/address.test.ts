// Proves how addresses are read, written and matched: Go's texts, and what a successor asks for against
// what its predecessor has.
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import {
  addressOf,
  askedText,
  formatAddress,
  type ListenTarget,
  matchesBound,
  parseGoAddress,
} from '../../src/listeners/address.js'

describe('addresses as Go writes them', () => {
  test.each([
    ['localhost:4242', 'http', { host: 'localhost', port: 4242 }],
    ['127.0.0.1:4242', 'http', { host: '127.0.0.1', port: 4242 }],
    ['example.com:http', 'http', { host: 'example.com', port: 80 }],
    [':4242', 'http', { port: 4242 }],
    [':0', 'http', { port: 0 }],
    [':65535', 'http', { port: 65_535 }],
    [':http', 'http', { port: 80 }],
    [':https', 'http', { port: 443 }],
    ['', 'http', { port: 80 }],
    ['', 'https', { port: 443 }],
    ['[::1]:4242', 'http', { host: '::1', port: 4242 }],
    ['[::]:https', 'https', { host: '::', port: 443 }],
    ['[fe80::1%eth0]:80', 'http', { host: 'fe80::1%eth0', port: 80 }],
    ['[127.0.0.1]:80', 'http', { host: '127.0.0.1', port: 80 }],
    ['unix:/run/app.sock', 'http', { path: '/run/app.sock' }],
    ['unix:app.sock', 'https', { path: 'app.sock' }],
    ['unix:./@app', 'http', { path: './@app' }],
    ['unix:@app', 'http', { path: '\0app' }],
  ] as const)('%j (%s) is %j', (text, scheme, expected) => {
    expect(parseGoAddress(text, scheme)).toEqual(expected)
  })

  test.each([
    ['localhost', 'it is not of the form host:port'],
    ['4242', 'it is not of the form host:port'],
    ['::1:4242', 'it is not of the form host:port'],
    ['a:b:c', 'it is not of the form host:port'],
    ['[::1]', 'it is not of the form host:port'],
    ['[::1]4242', 'it is not of the form host:port'],
    ['localhost:', "'' is not a port"],
    ['localhost:65536', "'65536' is not a port"],
    ['localhost:-1', "'-1' is not a port"],
    ['localhost:1e3', "'1e3' is not a port"],
    ['localhost:ftp', "'ftp' is not a port"],
    ['localhost:toString', "'toString' is not a port"],
    ['[::g]:80', "'::g' is not an IPv6 address"],
    ['unix:', 'it names no path'],
    ['unix:@', 'it names no path'],
    ['unix:/run/\0', 'it names no path'],
    [4242, 'it is not a string'],
    [undefined, 'it is not a string'],
  ])('%j is refused: %s', (text, found) => {
    expect(() => parseGoAddress(text as string, 'http')).toThrow(
      expect.objectContaining({
        code: 'ERR_ENDLESS_INVALID_ADDRESS',
        message: expect.stringContaining(found) as string,
      }),
    )
  })
})

describe('what was asked for, in one text', () => {
  test.each<[ListenTarget, string | undefined]>([
    [{ kind: 'tcp', port: 80, ipv6Only: false }, 'tcp::80'],
    [{ kind: 'tcp', port: 80, host: '::1', ipv6Only: false }, 'tcp:::1:80'],
    [{ kind: 'tcp', port: 80, host: '::', ipv6Only: true }, 'tcp::::80:6'],
    [{ kind: 'fd', fd: 3 }, 'fd:3'],
    [{ kind: 'path', path: '/run/app.sock' }, 'unix:/run/app.sock'],
    [{ kind: 'path', path: '\0app' }, 'unix:@app'],
    [{ kind: 'other' }, undefined],
  ])('%j is %j', (target, text) => {
    expect(askedText(target)).toBe(text)
  })
})

describe('what is bound, against what is asked for', () => {
  const bound = (
    address: string,
    port = 80,
  ): { address: string; family: string; port: number } => ({
    address,
    family: net.isIPv6(address) ? 'IPv6' : 'IPv4',
    port,
  })
  const asks = (host?: string, port = 80): ListenTarget => ({
    kind: 'tcp',
    port,
    ...(host !== undefined && { host }),
    ipv6Only: false,
  })

  test.each<[string, ListenTarget, ReturnType<typeof bound>]>([
    ['no host, every IPv6 address', asks(), bound('::')],
    ['no host, every IPv4 address', asks(), bound('0.0.0.0')],
    ['the same IPv4 address', asks('127.0.0.1'), bound('127.0.0.1')],
    ['the same IPv6 address', asks('::1'), bound('::1')],
    ['another spelling of it', asks('0:0:0:0:0:0:0:1'), bound('::1')],
    ['capital letters', asks('FE80::AB'), bound('fe80::ab')],
  ])('matches: %s', (_, target, at) => {
    expect(matchesBound(target, at)).toBe(true)
  })

  test.each<[string, ListenTarget, ReturnType<typeof bound>]>([
    ['another port', asks('127.0.0.1', 81), bound('127.0.0.1')],
    ['another address', asks('127.0.0.2'), bound('127.0.0.1')],
    ['one address for all', asks(), bound('127.0.0.1')],
    ['all for one address', asks('127.0.0.1'), bound('0.0.0.0')],
    ['all of another family', asks('0.0.0.0'), bound('::')],
    ['a name, which has to be looked up first', asks('localhost'), bound('127.0.0.1')],
    ['port 0, which is any port', asks(undefined, 0), bound('::', 0)],
    ['a file descriptor', { kind: 'fd', fd: 3 }, bound('::')],
    ['no address', { kind: 'other' }, bound('::')],
  ])('does not match: %s', (_, target, at) => {
    expect(matchesBound(target, at)).toBe(false)
  })

  test('a path matches itself, whatever it leads to, and nothing else', () => {
    const at = { path: '/a', identity: '1:2:3' }
    expect(matchesBound({ kind: 'path', path: '/a' }, at)).toBe(true)
    expect(matchesBound({ kind: 'path', path: '/b' }, at)).toBe(false)
    expect(matchesBound(asks(), at)).toBe(false)
    expect(matchesBound({ kind: 'path', path: '/a' }, bound('::'))).toBe(false)
  })
})

describe('addresses as we write them', () => {
  test.each([
    [{ address: '127.0.0.1', port: 80 }, '127.0.0.1:80'],
    [{ address: '::', port: 80 }, '[::]:80'],
    [{ path: '/run/app.sock', identity: '1:2:3' }, 'unix:/run/app.sock'],
    [{ path: '\0app', identity: '' }, 'unix:@app'],
  ])('%j is %j', (address, text) => {
    expect(formatAddress(address)).toBe(text)
  })

  test('a server that does not listen has none', () => {
    expect(addressOf(net.createServer())).toBe(null)
  })

  test('a server that listens has where it is bound', async () => {
    const server = net.createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as net.AddressInfo
    expect(addressOf(server)).toBe(`127.0.0.1:${String(port)}`)
    server.close()
  })
})
