// Proves what the units of examples/systemd promise, with a real systemd: a reload under load loses nothing and leaves the
// unit active with the right main process, also when the new version is bad; it starts the release that `current` leads to; a stop ends it cleanly; a crash is mended; and
// sockets that systemd has bound are answered on before, during and after the life of a process.
import {
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLoad, get as loadGet, type Load } from '@endless/load'
import { describe, expect, test } from 'vitest'
import {
  connectRaw,
  endless,
  freePort,
  get,
  installCore,
  temporaryDirectory,
  TestManager,
  until,
} from '../helpers/index.js'

const examples = fileURLToPath(new URL('../../examples/systemd/', import.meta.url))
const deadlineMs = 15_000

const setUps = ['supervised', 'alone'] as const

test.each([...setUps, 'activated'] as const)(
  '%s.service: a reload starts the release that the link leads to, also once the old ones are deleted',
  async (name) => {
    const unit = `${name}.service`
    const { manager, port, directory, app } = await install(unit)
    const text = readFileSync(app, 'utf8')
    const tells = '${import.meta.dirname} in ${process.cwd()}: generation'
    writeFileSync(app, text.replace('Hello from generation', tells))
    if (name === 'activated') {
      await manager.install({ 'activated.socket': `[Socket]\nListenStream=${port}\n` })
    }
    await manager.systemctl('start', unit)
    const first = path.join(directory, 'releases/1')
    expect((await get(port)).body).toContain(`${first} in ${first}: generation 0`)
    for (const [index, release] of ['2', '3'].entries()) {
      const old = path.join(directory, 'releases', String(index + 1))
      const next = path.join(directory, 'releases', release)
      cpSync(old, next, { recursive: true, verbatimSymlinks: true })
      switchTo(directory, release)
      await manager.systemctl('reload', unit)
      await untilAnsweredBy(port, index + 1, manager)
      expect((await get(port)).body).toContain(`${next} in ${next}: generation ${index + 1}`)
      rmSync(old, { recursive: true })
    }
  },
)

describe.each(setUps)('%s.service', (name) => {
  const unit = `${name}.service`

  test('reloads under load lose no request, and the unit stays active with the right main process', async () => {
    const { manager, port } = await start(unit)
    const { MainPID: first } = await manager.show(unit, 'MainPID')
    const load = startLoad(port)
    await until(() => load.snapshot().answered > 100, { step: 'answers', deadlineMs })
    for (const number of [1, 2, 3]) {
      load.markRestart()
      await manager.systemctl('reload', unit)
      const { pid } = await untilAnsweredBy(port, number, manager)
      const mainPid = name === 'supervised' ? first : String(pid)
      const StatusText = `generation ${number} (pid ${pid}) serves`
      await manager.waitFor(unit, { ActiveState: 'active', MainPID: mainPid, StatusText })
      await load.settled()
    }
    const { failures } = await load.stop()
    expect(failures).toEqual([])
    expect(await manager.show(unit, 'NRestarts', 'SubState')).toEqual({
      NRestarts: '0',
      SubState: 'running',
    })
  })

  test('a bad version fails the reload, and the unit stays active with the old one serving', async () => {
    const { manager, port, app } = await start(unit)
    const { pid } = await answer(port)
    const { MainPID } = await manager.show(unit, 'MainPID')
    const good = readFileSync(app, 'utf8')
    writeFileSync(app, 'throw new TypeError("a bad version")\n')
    await expect(manager.systemctl('reload', unit)).rejects.toThrow()
    await manager.waitFor(unit, { ActiveState: 'active', MainPID })
    expect(await manager.show(unit, 'StatusText')).toMatchObject({
      StatusText: expect.stringMatching(/^the last restart failed: .*a bad version/) as string,
    })
    expect(await answer(port)).toEqual({ pid, number: 0 })
    writeFileSync(app, good)
    await manager.systemctl('reload', unit)
    await untilAnsweredBy(port, 1, manager)
  })

  test('a stop answers what was read, also right after a reload, and leaves no process', async () => {
    const { manager, port } = await start(unit)
    const client = await connectRaw(port)
    client.write('GET /slow HTTP/1.1\r\nHost: x\r\n') // its end comes later
    await manager.systemctl('reload', unit)
    await untilAnsweredBy(port, 1, manager)
    const stopped = manager.systemctl('stop', unit)
    await manager.waitFor(unit, { ActiveState: 'deactivating' })
    client.write('\r\n')
    expect((await client.waitForResponses(1))[0]?.status).toBe(200)
    client.end()
    await stopped
    expect(await manager.show(unit, 'ActiveState', 'Result', 'TasksCurrent')).toMatchObject({
      ActiveState: 'inactive',
      Result: 'success',
    })
    await expect(get(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('a generation that hangs is ended by the watchdog, and the service started again', async () => {
    const { manager, port } = await start(unit, (text) =>
      text.replace('WatchdogSec=30', 'WatchdogSec=1\nRestartSec=0'),
    )
    const { pid } = await answer(port)
    await manager.run('kill', '-STOP', String(pid))
    await manager.waitFor(unit, { NRestarts: '1', ActiveState: 'active' })
    expect((await answer(port)).pid).not.toBe(pid)
  })
})

test('the watchdog is content with a generation that is only idle', async () => {
  const { manager, port } = await start('alone.service', (text) =>
    text.replace('WatchdogSec=30', 'WatchdogSec=500ms\nRestart=no'),
  )
  const before = await answer(port)
  await manager.systemctl('reload', 'alone.service')
  await untilAnsweredBy(port, 1, manager)
  const beats = async () => {
    const { WatchdogTimestampMonotonic: at } = await manager.show(
      'alone.service',
      'WatchdogTimestampMonotonic',
    )
    return Number(at)
  }
  const since = await beats()
  // Longer than the watchdog's time, of which each of them is at most a half.
  await until(async () => (await beats()) > since + 1_500_000, { step: 'it beats on', deadlineMs })
  expect((await answer(port)).number).toBe(1)
  expect(before.number).toBe(0)
})

test('a crash of a generation under the supervisor leaves the unit active, and refuses nobody', async () => {
  const { manager, port } = await start('supervised.service')
  const { MainPID } = await manager.show('supervised.service', 'MainPID')
  const { pid } = await answer(port)
  await manager.run('kill', '-KILL', String(pid))
  const next = await answer(port)
  expect(next.pid).not.toBe(pid)
  await manager.waitFor('supervised.service', {
    ActiveState: 'active',
    MainPID,
    NRestarts: '0',
    StatusText: `generation ${next.number} (pid ${next.pid}) serves`,
  })
})

test('a successor that dies while its predecessor drains does not end a service without supervisor', async () => {
  const { manager, port } = await start('alone.service')
  const first = await answer(port)
  const busy = await connectRaw(port)
  busy.write('GET / HTTP/1.1\r\nHost: x\r\n')
  await manager.systemctl('reload', 'alone.service')
  const { pid } = await untilAnsweredBy(port, 1, manager)
  await manager.run('kill', '-KILL', String(pid))
  expect(await answer(port)).toEqual(first)
  await manager.waitFor('alone.service', {
    ActiveState: 'active',
    MainPID: String(first.pid),
    NRestarts: '0',
  })
  busy.write('\r\n')
  expect((await busy.waitForResponses(1))[0]?.status).toBe(200)
})

describe.each(['activated.service', 'alone.service'])('a socket of systemd with %s', (service) => {
  // The set-up without a supervisor, with a socket of the same name beside it.
  const socket = service.replace('.service', '.socket')

  test.each(['port', 'path'] as const)(
    'on a %s is answered on from the first request on, through a reload, a crash and restarts of the service',
    async (kind) => {
      const { manager, port, directory } = await install(service, socket)
      const where = kind === 'port' ? port : path.join(directory, 'app.sock')
      await manager.install({
        [socket]: readFileSync(path.join(examples, 'activated.socket'), 'utf8').replace(
          'ListenStream=3000',
          `ListenStream=${where}`,
        ),
      })
      if (kind === 'path') {
        const app = path.join(directory, 'current/app.js')
        const text = readFileSync(app, 'utf8')
        writeFileSync(app, text.replace('process.env.PORT ?? 3000', JSON.stringify(where)))
      }
      await manager.systemctl('start', socket)
      await manager.waitFor(service, { ActiveState: 'inactive' })
      const first = await answer(where)
      expect(first.number).toBe(0)
      await manager.waitFor(service, { ActiveState: 'active' })

      await manager.systemctl('reload', service)
      const { pid } = await untilAnsweredBy(where, 1, manager)
      await manager.run('kill', '-KILL', String(pid))
      expect((await answer(where)).pid).not.toBe(pid)

      const load = kind === 'port' ? startLoad(port, { keepAliveConnections: 0 }) : undefined
      await until(() => !load || load.snapshot().answered > 50, { step: 'answers', deadlineMs })
      for (let round = 0; round < 2; round++) {
        load?.markRestart()
        await manager.systemctl('restart', service)
        expect((await answer(where)).number).toBe(0)
        await load?.settled()
      }
      expect((await load?.stop())?.failures ?? []).toEqual([])
      // Still there, and systemd's: it was not removed with a generation.
      await manager.systemctl('stop', service, socket)
    },
  )
})

test('a socket that nobody listens on is warned about by its name, and does not hold the service up for long', async () => {
  const unit = 'activated.service'
  const { manager, port, directory } = await install(unit, 'activated.socket')
  const unclaimed = await freePort()
  await manager.install({
    'activated.socket': `[Socket]\nListenStream=${port}\n`,
    'admin.socket': `[Socket]\nListenStream=127.0.0.1:${unclaimed}\nService=${unit}\nFileDescriptorName=admin\n`,
    'log.socket': `[Socket]\nListenDatagram=${path.join(directory, 'log')}\nService=${unit}\n`,
    [unit]: readUnit(unit, directory)
      .replace('PORT=3000', `PORT=${port}`)
      .replace('Type=notify', '$&\nSockets=activated.socket admin.socket log.socket'),
  })
  const app = path.join(directory, 'current/app.js')
  writeFileSync(
    app,
    readFileSync(app, 'utf8').replace('hammerTimeMs', 'unclaimedGraceMs: 200, hammerTimeMs'),
  )
  await manager.systemctl('start', 'activated.socket', 'admin.socket', 'log.socket')
  await manager.systemctl('start', unit)
  expect(await answer(port, manager)).toMatchObject({ number: 0 })
  expect(manager.output).toContain(`Nothing listens on 127.0.0.1:${unclaimed} (admin) any more.`)
  expect(manager.output).toMatch(
    /Cannot listen on the passed socket 'log\.socket' \(\d\): it is no/,
  )
})

test('neither the application nor what it starts sees what systemd has told the service', async () => {
  for (const name of setUps) {
    const unit = `${name}.service`
    const { manager, port, app } = await install(unit)
    const text = readFileSync(app, 'utf8').replace(
      'Hello from generation',
      "${execFileSync('env')} Hello from generation",
    )
    writeFileSync(app, `import { execFileSync } from 'node:child_process'\n${text}`)
    await manager.systemctl('start', unit)
    for (const number of [0, 1]) {
      await untilAnsweredBy(port, number, manager)
      expect((await get(port)).body).not.toMatch(/LISTEN_|NOTIFY_SOCKET|WATCHDOG/)
      if (number === 0) await manager.systemctl('reload', unit)
    }
    await manager.systemctl('stop', unit)
  }
})

interface Service {
  manager: TestManager
  port: number
  /** `/srv/app` of the example. */
  directory: string
  app: string
}

async function start(unit: string, change = (text: string) => text): Promise<Service> {
  const service = await install(unit, undefined, change)
  await service.manager.systemctl('start', unit)
  return service
}

/** Installs a unit of examples/systemd, with its application where it expects it. */
async function install(
  unit: string,
  socket?: string,
  change = (text: string) => text,
): Promise<Service> {
  const manager = await TestManager.start()
  const directory = temporaryDirectory()
  mkdirSync(path.join(directory, 'releases/1/node_modules/.bin'), { recursive: true })
  const current = switchTo(directory, '1')
  installCore(current)
  // As pnpm writes it; npm makes a link.
  writeFileSync(
    path.join(current, 'node_modules/.bin/endless'),
    `#!/bin/sh\nexec '${process.execPath}' '${endless}' "$@"\n`,
    { mode: 0o755 },
  )
  const app = path.join(current, 'app.js')
  writeFileSync(path.join(current, 'package.json'), '{ "type": "module" }')
  writeFileSync(app, readFileSync(path.join(examples, 'app.js')))
  const port = await freePort()
  const text = readUnit(unit, directory).replace('PORT=3000', `PORT=${port}`)
  await manager.install({ [unit]: change(text) })
  return { manager, port, directory, app }
}

/** Switches the link in one step, as deploy tools do; answers its path. */
function switchTo(directory: string, release: string): string {
  symlinkSync(`releases/${release}`, path.join(directory, 'next'))
  renameSync(path.join(directory, 'next'), path.join(directory, 'current'))
  return path.join(directory, 'current')
}

/** A unit of the examples, as it is but for its paths, and its user, whom this machine has not. */
function readUnit(unit: string, directory: string): string {
  return readFileSync(path.join(examples, unit), 'utf8')
    .replaceAll('/srv/app', directory)
    .replaceAll('/usr/bin/node', process.execPath)
    .replace('User=app\n', '')
}

function startLoad(port: number, options: { keepAliveConnections?: number } = {}): Load {
  const load = createLoad({
    port,
    keepAliveConnections: 20,
    freshPerSecond: 100,
    settleMs: 200,
    calls: [loadGet('/')],
    ...options,
    identify: ({ body }) => {
      const { pid, number } = parse(body.toString())
      return { pid, generation: number }
    },
  })
  load.start()
  return load
}

interface Answer {
  pid: number
  number: number
}

function parse(body: string): Answer {
  const [, number, pid] = /generation (\d+), pid (\d+)/.exec(body) ?? []
  return { pid: Number(pid), number: Number(number) }
}

/** Asks at a port or a path, on a connection of its own. */
function answer(where: number | string, manager?: TestManager): Promise<Answer> {
  const target = typeof where === 'number' ? { port: where } : { socketPath: where }
  return new Promise((resolve, reject) => {
    const request = http.get({ ...target, agent: false, timeout: deadlineMs }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => resolve(parse(body)))
    })
    request.on('error', reject)
    request.on('timeout', () =>
      request.destroy(new Error(`no answer at ${where}\n${manager?.output ?? ''}`)),
    )
  })
}

async function untilAnsweredBy(
  where: number | string,
  number: number,
  manager: TestManager,
): Promise<Answer> {
  let found: Answer | undefined
  await until(async () => (found = await answer(where)).number === number, {
    step: `generation ${number} answers`,
    deadlineMs,
    explain: () => `${JSON.stringify(found)}\n${manager.output}`,
  })
  return found!
}
