// Proves that every overload of Node's listen is read as Node reads it, and what endless makes of it.
import { describe, expect, test } from 'vitest'
import type { ListenTarget } from '../../src/listeners/address.js'
import { parseListenCall, readListenCall } from '../../src/listeners/listen-call.js'

describe('calls of listen', () => {
  const callback = (): void => undefined
  const signal = new AbortController().signal
  const any = { kind: 'tcp', port: 0, ipv6Only: false } as const
  const on80 = { ...any, port: 80 }

  test.each<[string, unknown[], ListenTarget, number | undefined]>([
    ['()', [], any, undefined],
    ['(callback)', [callback], any, undefined],
    ['(port)', [80], on80, undefined],
    ["('port')", ['80'], on80, undefined],
    ['(null)', [null], any, undefined],
    ['(undefined, callback)', [undefined, callback], any, undefined],
    ['(port, callback)', [80, callback], on80, undefined],
    ['(port, host)', [80, 'localhost'], { ...on80, host: 'localhost' }, undefined],
    ['(port, host, backlog)', [80, '::1', 16], { ...on80, host: '::1' }, 16],
    ['(port, backlog)', [80, 16], on80, 16],
    ['(port, undefined, backlog)', [80, undefined, 16], on80, 16],
    ["(port, '')", [80, ''], on80, undefined],
    ["(port, '', backlog)", [80, '', 16], on80, 16],
    ['(port, backlog 0)', [80, 0], on80, undefined],
    ['(path)', ['/run/app.sock'], { kind: 'path', path: '/run/app.sock' }, undefined],
    ['(path, backlog)', ['/run/app.sock', 16], { kind: 'path', path: '/run/app.sock' }, 16],
    ['({ port })', [{ port: 80 }], on80, undefined],
    ["({ port: 'text' })", [{ port: '80' }], on80, undefined],
    ['({ port: undefined })', [{ port: undefined }], any, undefined],
    ['({ port, host })', [{ port: 80, host: '::' }], { ...on80, host: '::' }, undefined],
    [
      '({ port, ipv6Only })',
      [{ port: 80, ipv6Only: true }],
      { ...on80, ipv6Only: true },
      undefined,
    ],
    ['({ port, backlog })', [{ port: 80, backlog: 16 }], on80, 16],
    ['({ port, path })', [{ port: 80, path: '/a' }], on80, undefined],
    ["({ path: '80' })", [{ path: '80' }], { kind: 'other' }, undefined],
    ["({ path: '' })", [{ path: '' }], { kind: 'other' }, undefined],
    ['({ path, backlog })', [{ path: '/a', backlog: 16 }], { kind: 'path', path: '/a' }, 16],
    ['({ path })', [{ path: '/a' }], { kind: 'path', path: '/a' }, undefined],
    ['({ fd })', [{ fd: 3 }], { kind: 'fd', fd: 3 }, undefined],
    ['({ handle })', [{ handle: {} }], { kind: 'other' }, undefined],
    ['(server)', [{ _handle: {} }], { kind: 'other' }, undefined],
    ['(port out of range)', [65_536], { kind: 'other' }, undefined],
    ['(negative port)', [-1], { kind: 'other' }, undefined],
    ["({ port: 'http', path })", [{ port: 'http', path: '/a' }], { kind: 'other' }, undefined],
    ['({ port: -1, path })', [{ port: -1, path: '/a' }], { kind: 'other' }, undefined],
    ['({ port: NaN, path })', [{ port: NaN, path: '/a' }], { kind: 'other' }, undefined],
    ['({ port: 70000, path })', [{ port: 70_000, path: '/a' }], { kind: 'other' }, undefined],
    [
      '({ port: true, path })',
      [{ port: true, path: '/a' }],
      { kind: 'path', path: '/a' },
      undefined,
    ],
    ['({ port: undefined, path })', [{ port: undefined, path: '/a' }], any, undefined],
    ['({ port, host: 5 })', [{ port: 80, host: 5 }], { kind: 'other' }, undefined],
    ['({ port, host: null })', [{ port: 80, host: null }], on80, undefined],
    ['({ handle: { port } })', [{ handle: { port: 80 } }], on80, undefined],
    ['(no port at all)', [true], { kind: 'other' }, undefined],
    ['({ port: no port at all })', [{ port: 'http' }], { kind: 'other' }, undefined],
  ])('listen%s', (_, args, target, backlog) => {
    expect(parseListenCall(args)).toEqual({
      target,
      backlog,
      readableAll: false,
      writableAll: false,
      signal: undefined,
      callback: args.at(-1) === callback ? callback : undefined,
    })
  })

  test('listen({ port, signal }, callback)', () => {
    expect(parseListenCall([{ port: 80, signal }, callback])).toEqual({
      target: on80,
      backlog: undefined,
      readableAll: false,
      writableAll: false,
      signal,
      callback,
    })
  })

  test.each(['readableAll', 'writableAll'] as const)('listen({ path, %s })', (name) => {
    expect(parseListenCall([{ path: '/a', [name]: true }])).toMatchObject({
      target: { kind: 'path', path: '/a' },
      readableAll: name === 'readableAll',
      writableAll: name === 'writableAll',
    })
  })
})

describe('a call as endless takes it', () => {
  const system = {
    platform: 'linux' as NodeJS.Platform,
    isClusterWorker: false,
    isWorkerThread: false,
  }
  const caller = { system, directory: '/srv/current' }

  test('has its path made absolute, and the one that was written', () => {
    expect(readListenCall(['app.sock'], caller)).toMatchObject({
      target: { kind: 'path', path: '/srv/current/app.sock' },
      written: 'app.sock',
    })
  })

  test.each([{ platform: 'win32' as const }, { isClusterWorker: true }])(
    'keeps a path that is not ours to bind: %j',
    (other) => {
      const call = readListenCall(['app.sock'], { ...caller, system: { ...system, ...other } })
      expect(call.target).toEqual({ kind: 'path', path: 'app.sock' })
      expect(call.written).toBe(undefined)
    },
  )

  test.each([
    ['the handle of a server', { bind6: () => 0 }],
    ['an object that has one', { _handle: { bind6: () => 0 } }],
    ['an object with the handle of a Unix socket', { handle: { fd: 3 } }],
  ])('is refused for %s', (_, given) => {
    expect(() => readListenCall([given], caller)).toThrow(
      expect.objectContaining({ code: 'ERR_ENDLESS_UNSUPPORTED' }),
    )
  })

  test('is refused in a worker thread', () => {
    const thread = { ...caller, system: { ...system, isWorkerThread: true } }
    expect(() => readListenCall([0], thread)).toThrow(
      expect.objectContaining({ code: 'ERR_ENDLESS_UNSUPPORTED' }),
    )
  })

  test.each([
    ['a handle that is none', { handle: {} }],
    ['a signal that is none', { port: 80, signal: null }],
    ['a signal that is none, for a path', { path: '/a', signal: 'x' }],
    ['rights of what has no file', { path: '\0a', readableAll: 'yes' }],
  ])('is left to Node, which refuses it, for %s', (_, given) => {
    expect(readListenCall([given], caller).target).toEqual({ kind: 'other' })
  })

  test('is left to Node where it is no address at all', () => {
    expect(readListenCall([-1], caller).target).toEqual({ kind: 'other' })
  })
})
