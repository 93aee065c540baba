// Proves that restarts behind a reverse proxy, which keeps its connections, are nothing but 200s to its
// clients, although the proxy sends nothing twice. Needs nginx and HAProxy (.ci/packages).
import { readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLoad, get as loadGet, startProgram } from '@endless/load'
import { expect, test } from 'vitest'
import {
  freePort,
  freePorts,
  get,
  startFixture,
  temporaryDirectory,
  until,
  type Program,
} from '../helpers/index.js'

const deadlineMs = 15_000
const restarts = 20

interface Addresses {
  port: number
  /** Where the app is, as both proxies read it: `127.0.0.1:3000`, `unix:/run/app.sock`. */
  app: string
}

const proxies = [
  {
    name: 'nginx',
    config({ port, app }: Addresses, directory: string) {
      const example = readExample('nginx/app.conf', {
        'server 127.0.0.1:3000': `server ${app}`,
        'listen 80;': `listen 127.0.0.1:${port};`,
      })
      return `
        daemon off;
        master_process off;
        pid ${directory}/pid;
        error_log stderr warn;
        events { worker_connections 1024; }
        http {
          access_log off;
          client_body_temp_path ${directory}/body;
          proxy_temp_path ${directory}/proxy;
          fastcgi_temp_path ${directory}/fastcgi;
          uwsgi_temp_path ${directory}/uwsgi;
          scgi_temp_path ${directory}/scgi;
          ${example}
        }`
    },
    args: (file: string, directory: string) => ['-p', directory, '-c', file],
  },
  {
    name: 'haproxy',
    config({ port, app }: Addresses) {
      return readExample('haproxy/haproxy.cfg', {
        'server app 127.0.0.1:3000': `server app ${app.replace('unix:', 'unix@')}`,
        'bind :80': `bind 127.0.0.1:${port}`,
      })
    },
    args: (file: string) => ['-db', '-f', file],
  },
]

const cases = ['TCP', 'a Unix socket'].flatMap((way) => proxies.map((proxy) => ({ way, ...proxy })))

test.each(cases)('20 restarts under load behind $name, over $way', async (proxied) => {
  const { way, name, config, args } = proxied
  const directory = temporaryDirectory()
  const servers = path.join(directory, 'servers.json')
  const listen = way === 'TCP' ? [[0, '127.0.0.1']] : [[`${directory}/app.sock`]]
  writeFileSync(servers, JSON.stringify({ listen }))
  const program = startFixture('serves-what-a-file-says.mjs', { args: [servers] })
  const { names } = await program.waitForGeneration(0, { deadlineMs })
  const [app = ''] = names as string[]
  const port = await freePort()
  const file = path.join(directory, `${name}.conf`)
  writeFileSync(file, `${config({ port, app }, directory)}\n`)
  const proxy = startProgram({ command: name, args: args(file, directory) })
  await until(() => accepts(port), {
    step: `${name} accepts`,
    deadlineMs,
    explain: () => proxy.output.toString(),
  })

  const upstream = new Set<string>()
  const load = createLoad({
    port,
    keepAliveConnections: 40,
    freshPerSecond: 50,
    settleMs: 100,
    identify({ headers }) {
      upstream.add(String(headers['x-peer'])) // one and the same over a Unix socket
      return { pid: Number(headers['x-pid']), generation: Number(headers['x-generation']) }
    },
  })
  load.start()
  await until(() => load.snapshot().answered > 100, { step: 'answers', deadlineMs })
  for (let number = 1; number <= restarts; number++) {
    load.markRestart()
    program.signal('SIGHUP')
    await program.waitForGeneration(number, { deadlineMs })
    await load.settled()
  }
  const { failures, answered, generations } = await load.stop()
  expect(failures).toEqual([])
  expect(generations.map(({ generation }) => generation)).toHaveLength(restarts + 1)
  expect(upstream.size, 'the proxy kept its connections').toBeLessThan(answered / 4)
})

test('two services behind HAProxy, replaced one after the other under load', async () => {
  const directory = temporaryDirectory()
  const [first = 0, second = 0, port = 0] = await freePorts(3)
  const file = path.join(directory, 'haproxy.cfg')
  const config = readExample('haproxy/two-services.cfg', {
    '127.0.0.1:3000': `127.0.0.1:${first}`,
    '127.0.0.1:3001': `127.0.0.1:${second}`,
    'bind :80': `bind 127.0.0.1:${port}`,
  })
  writeFileSync(file, config)
  const services = await Promise.all([startService(first), startService(second)])
  const proxy = startProgram({ command: 'haproxy', args: ['-db', '-f', file] })
  await until(async () => (await get(port)).status === 200, {
    step: 'it answers',
    deadlineMs,
    explain: () => proxy.output.toString(),
  })

  const load = createLoad({
    port,
    keepAliveConnections: 20,
    freshPerSecond: 50,
    calls: [loadGet('/')],
    identify: ({ body }) => ({ pid: Number(/pid (\d+)/.exec(body.toString())?.[1]) }),
  })
  load.start()
  for (const [place, listens] of [first, second].entries()) {
    const service = services[place]!
    await until(() => load.snapshot().generations.some(({ pid }) => pid === service.pid), {
      step: 'each answers',
      deadlineMs,
    })
    service.signal('SIGTERM', service.pid)
    expect(await service.waitForExit({ step: 'it exits', deadlineMs })).toMatchObject({ code: 0 })
    const successor = await startService(listens)
    await until(() => load.snapshot().generations.some(({ pid }) => pid === successor.pid), {
      step: 'the new one answers',
      deadlineMs,
    })
  }
  const { failures, answered } = await load.stop()
  expect(failures).toEqual([])
  expect(answered).toBeGreaterThan(1_000)
})

/** Starts the service of examples/kubernetes, with time enough for the two checks of HAProxy. */
async function startService(port: number): Promise<Program> {
  const program = startProgram({
    args: [fileURLToPath(new URL('../../examples/kubernetes/http.js', import.meta.url))],
    env: { PORT: String(port), SHUTDOWN_DELAY_MS: '2000' },
  })
  await program.waitForLine(/ serves /, { step: 'it listens', deadlineMs })
  return program
}

/** Reads a configuration of the examples, with addresses of this test in place of its own. */
function readExample(name: string, addresses: Record<string, string>): string {
  let text = readFileSync(new URL(`../../examples/${name}`, import.meta.url), 'utf8')
  for (const [theirs, ours] of Object.entries(addresses)) {
    expect(text, name).toContain(theirs)
    text = text.replace(theirs, ours)
  }
  return text
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
