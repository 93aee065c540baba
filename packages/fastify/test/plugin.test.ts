// Proves that an app with the plugin is still the Fastify app that its users know, in one process and without a signal.
import dns from 'node:dns'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyServerOptions,
} from 'fastify'
import { afterEach, expect, test, vi } from 'vitest'
import endlessDefault, { endlessPlugin, generation, type EndlessOptions } from '../src/index.js'

const localhost = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]
const silent = (): void => undefined
const quiet = { logger: { info: silent, warn: silent, error: silent } }
const own = `generation 0 (pid ${process.pid})`
const apps: FastifyInstance[] = []

afterEach(async () => {
  vi.restoreAllMocks()
  await Promise.all(apps.splice(0).map((app) => app.close()))
})

test('the plugin is exported by name and as the default', () => {
  expect(endlessDefault).toBe(endlessPlugin)
})

test("app.endless is the app's server", async () => {
  const app = await createApp()
  expect(app.endless.server).toBe(app.server)
  expect(app.endless.state).toBe('init')
  await app.listen({ port: 0, host: '127.0.0.1' })
  expect(app.endless).toMatchObject({ state: 'running', address: addressOf(app) })
})

test('lines go to app.log', async () => {
  const { stream, lines, records } = createLog()
  const app = await createApp({ logger: { stream } }, {})
  await app.listen({ port: 0, host: '127.0.0.1' })
  expect(lines()).toContain(`${own} serves ${addressOf(app)}`)
  const [record] = records().filter(({ msg }) => msg.includes(' serves '))
  expect(record).toMatchObject({ level: 30, name: 'endless', generation: 0 })
})

test('a logger that is given is the one that is used', async () => {
  const { stream, lines } = createLog()
  const logger = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const app = await createApp({ logger: { stream } }, { logger })
  await app.listen({ port: 0, host: '127.0.0.1' })
  expect(logger.info).toHaveBeenCalledWith(`${own} serves ${addressOf(app)}`)
  expect(lines()).not.toContain(`${own} serves ${addressOf(app)}`)
})

test.each<{ name: string; options: FastifyServerOptions; isHeard: boolean }>([
  { name: 'was given none', options: {}, isHeard: true },
  { name: 'has { logger: false }', options: { logger: false }, isHeard: true },
  { name: "has { level: 'silent' }", options: { logger: { level: 'silent' } }, isHeard: false },
  {
    name: 'has one function for all levels',
    options: { loggerInstance: loggerOf((): void => undefined) },
    isHeard: false,
  },
])('without a logger lines go to stderr: an app that $name', async ({ options, isHeard }) => {
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const app = await createApp(options, {})
  await app.listen({ port: 0, host: '127.0.0.1' })
  const lines = written.mock.calls.map(([line]) => line)
  const line = `[endless ${process.pid}] ${own} serves ${addressOf(app)}\n`
  expect(lines).toEqual(isHeard ? [line] : [])
})

test('of two apps the one that logs has the lines, also if it is the second', async () => {
  const { stream, lines } = createLog()
  const silent = await createApp({}, {})
  const app = await createApp({ logger: { stream } }, {})
  for (const each of [silent, app]) {
    await each.listen({ port: 0, host: '127.0.0.1' })
    expect(lines().join('\n')).toContain(`serves ${addressOf(each)}`)
  }
})

test("Fastify's own options of `register` are left to Fastify", async () => {
  const app = createBare()
  const own = { prefix: '/v1', logLevel: 'warn', logSerializers: {} } as const
  await app.register(endlessPlugin, { ...quiet, ...own })
  await app.listen({ port: 0, host: '127.0.0.1' })
  expect(await (await fetch(`http://${addressOf(app)}/`)).text()).toBe('hello')
})

test('registered twice, it rejects as any decorator does', async () => {
  const app = await createApp()
  await expect(async () => app.register(endlessPlugin)).rejects.toMatchObject({
    code: 'FST_ERR_DEC_ALREADY_PRESENT',
  })
})

test('registered in a child context, the decorator stays there and the server is endless', async () => {
  const app = createBare()
  await app.register(async (child) => {
    await child.register(endlessPlugin, quiet)
    expect(child.endless.server).toBe(app.server)
  })
  expect(app.hasDecorator('endless')).toBe(false)
  await app.listen({ port: 0, host: '127.0.0.1' })
  expect(generation.status().servers).toMatchObject([{ address: addressOf(app) }])
})

test.each<{ name: string; options: EndlessOptions; code: string }>([
  {
    name: 'an unknown option',
    options: { hammerTime: 1 } as EndlessOptions,
    code: 'ERR_ENDLESS_INVALID_OPTION',
  },
  {
    name: 'a hook for an unknown signal',
    options: { hooks: { before: { SIGKILL: () => undefined } } } as EndlessOptions,
    code: 'ERR_ENDLESS_INVALID_HOOK',
  },
])('$name makes the registration reject', async ({ options, code }) => {
  const app = createBare()
  await expect(async () => app.register(endlessPlugin, options)).rejects.toMatchObject({ code })
})

test('inject asks the app without a server, and no signal is caught', async () => {
  const before = process.listenerCount('SIGTERM')
  const app = await createApp()
  expect((await app.inject('/')).body).toBe('hello')
  expect(process.listenerCount('SIGTERM')).toBe(before)
})

test('app.close() ends the server, runs the onClose hooks once, and the process goes on', async () => {
  const before = process.listenerCount('SIGTERM')
  const app = createBare()
  await app.register(endlessPlugin, quiet)
  const onClose = vi.fn(async () => undefined)
  app.addHook('onClose', onClose)
  await app.listen({ port: 0, host: '127.0.0.1' })
  expect(process.listenerCount('SIGTERM')).toBe(before + 1)
  await Promise.all([app.close(), app.close()])
  expect(await app.endless.terminated).toMatchObject({ reason: 'closed' })
  expect(onClose).toHaveBeenCalledOnce()
  expect(process.listenerCount('SIGTERM')).toBe(before)
})

test('app.endless.shutdown() runs the onClose hooks when the drain is over', async () => {
  const app = createBare()
  await app.register(endlessPlugin, quiet)
  const closed = new Promise<string>((resolve) => {
    app.addHook('onClose', async () => resolve(app.endless.state))
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  await app.endless.shutdown()
  expect(await closed).toBe('terminate')
})

test('an app that never listened closes', async () => {
  const app = await createApp()
  await app.ready()
  await app.close()
  expect(app.endless.state).toBe('terminate')
})

test('an app that is closed has no say: the next one may have other options of the process', async () => {
  for (const readyTimeoutMs of [1_000, 2_000]) {
    const app = await createApp({}, { readyTimeoutMs })
    expect((await app.inject('/')).body).toBe('hello')
    await app.close()
  }
})

test('of two apps in one process one can close, and the other serves on', async () => {
  const first = await createApp()
  const second = await createApp()
  await first.listen({ port: 0, host: '127.0.0.1' })
  await second.listen({ port: 0, host: '127.0.0.1' })
  await first.close()
  expect(await (await fetch(`http://${addressOf(second)}`)).text()).toBe('hello')
  expect(generation.state).toBe('running')
})

test('listen with a callback listens, and tells the address', async () => {
  const app = await createApp()
  const address = await new Promise((resolve, reject) => {
    app.listen({ port: 0, host: '127.0.0.1' }, (error, address) =>
      error ? reject(error) : resolve(address),
    )
  })
  expect(address).toBe(`http://${addressOf(app)}`)
})

test('an abort signal given to listen closes the app', async () => {
  const app = await createApp()
  const controller = new AbortController()
  await app.listen({ port: 0, host: '127.0.0.1', signal: controller.signal })
  controller.abort()
  expect(await app.endless.terminated).toMatchObject({ reason: 'closed' })
})

test('localhost is served on both of its addresses, and closed on both', async () => {
  const { lookup } = dns
  // As on a machine whose localhost has both addresses.
  vi.spyOn(dns, 'lookup').mockImplementation((host: string, ...rest: unknown[]) => {
    if (host !== 'localhost') return Reflect.apply(lookup, dns, [host, ...rest]) as undefined
    const done = rest.at(-1) as (error: null, ...found: unknown[]) => void
    const { all } = rest[0] as dns.LookupOptions
    process.nextTick(done, null, ...(all ? [localhost] : ['127.0.0.1', 4]))
  })
  const app = await createApp()
  await app.listen()
  const urls = boundOf(app)
    .sort()
    .map((bound) => `http://${bound}`)
  expect(urls).toEqual([
    expect.stringContaining('//127.0.0.1:'),
    expect.stringContaining('//[::1]:'),
  ])
  for (const url of urls) expect(await (await fetch(url)).text()).toBe('hello')
  await app.close()
  for (const url of urls) await expect(fetch(url)).rejects.toThrow('fetch failed')
})

function createBare(options: FastifyServerOptions = {}): FastifyInstance {
  const app = Fastify(options)
  app.get('/', async () => 'hello')
  apps.push(app)
  return app
}

async function createApp(
  options: FastifyServerOptions = {},
  endlessOptions: EndlessOptions = quiet,
): Promise<FastifyInstance> {
  const app = createBare(options)
  await app.register(endlessPlugin, endlessOptions)
  return app
}

/** A logger that has this function at every level. */
function loggerOf(log: () => void): FastifyBaseLogger {
  const logger = {
    fatal: log,
    error: log,
    warn: log,
    info: log,
    debug: log,
    trace: log,
    silent: log,
  }
  return { ...logger, level: 'info', child: () => loggerOf(log) }
}

function boundOf(app: FastifyInstance): string[] {
  return (app.addresses() as AddressInfo[]).map(({ address, family, port }) =>
    family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`,
  )
}

function addressOf(app: FastifyInstance): string {
  return boundOf(app)[0] ?? 'it does not listen'
}

function createLog() {
  const stream = new PassThrough()
  const chunks: string[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()))
  const records = () =>
    chunks
      .join('')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { msg: string })
  return { stream, records, lines: () => records().map(({ msg }) => msg) }
}
