// Proves that a service has a name: that commands find it in its directory or by its name, that one name is one
// service, and that no other user can be in its place.
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  connectRaw,
  endless,
  isAlive,
  runEndless,
  runtimeDirectory,
  startProgram,
  temporaryDirectory,
  until,
  type Program,
} from '../helpers/index.js'

const deadlineMs = 15_000
const fixture = new URL('../fixtures/dies-as-told.mjs', import.meta.url)

/** A user's login: a directory for sockets, and places to stand in. */
class Login {
  readonly root = temporaryDirectory()
  readonly env = { XDG_RUNTIME_DIR: runtimeDirectory() }

  /** Creates a directory with a program, and a package.json if there is a name. */
  project(directory: string, name?: string, script = 'app.mjs'): string {
    const folder = path.join(this.root, directory)
    mkdirSync(folder, { recursive: true })
    writeFileSync(path.join(folder, script), `await import('${fixture.href}')`)
    const manifest = path.join(folder, 'package.json')
    if (name !== undefined) writeFileSync(manifest, JSON.stringify({ name }))
    return folder
  }

  start(cwd: string, args: string[] = ['app.mjs'], env: NodeJS.ProcessEnv = {}): Program {
    return runEndless(['run', ...args], { cwd, env: { ...this.env, PWD: cwd, ...env } })
  }

  /** Starts a service; resolves when it serves. */
  async run(cwd: string, args?: string[]): Promise<Program> {
    const program = this.start(cwd, args)
    await program.waitForGeneration(0, { deadlineMs })
    return program
  }

  /** Runs a command to its end. */
  async ask(cwd: string, ...args: string[]): Promise<Told> {
    return told(runEndless(args, { cwd, env: { ...this.env, PWD: cwd } }))
  }
}

interface Told {
  code: number | null
  out: string
  err: string
}

async function told(command: Program): Promise<Told> {
  const { code } = await command.waitForExit({ step: 'the command ends', deadlineMs })
  await command.end() // all of its output has come
  return { code, out: command.stdout.trimEnd(), err: command.stderr.trimEnd() }
}

/** What follows where nothing is found: the user who runs the tests may run services, too. */
const orOthers =
  'is it one with a path, say it: --pid-file <path> or --control <path>|there (?:is|are) .+'

const hasTaken = /^generation \d+ \(pid \d+\) has taken over after \d+ ms$/

describe('a service that endless run has started', () => {
  test('is found in its directory and below, and by its name from anywhere', async () => {
    const login = new Login()
    const shop = login.project('shop', '@shop/api')
    mkdirSync(path.join(shop, 'src'))
    const program = await login.run(shop)
    expect(program.stderr).not.toMatch(/warn|cannot|name/i)

    const below = await login.ask(path.join(shop, 'src'), 'restart')
    expect(below).toMatchObject({ code: 0, out: expect.stringMatching(hasTaken) as string })
    const byName = await login.ask('/', 'restart', '@shop/api')
    expect(byName).toMatchObject({ code: 0, out: expect.stringMatching(hasTaken) as string })
    const { out } = await login.ask(shop, 'status')
    expect(out).toContain(`@shop/api in ${shop}: supervisor pid ${program.pid}, up`)
    expect(await login.ask(shop, 'hammer')).toMatchObject({
      code: 0,
      out: 'nothing drains: there is nothing to hammer',
    })
    expect(await login.ask(shop, 'stop')).toMatchObject({
      code: 0,
      out: `pid ${program.pid} has ended`,
    })
    expect(readdirSync(path.join(login.env.XDG_RUNTIME_DIR, 'endless'))).toEqual([])
    expect(await login.ask(shop, 'restart')).toMatchObject({
      code: 3,
      err: expect.stringMatching(
        new RegExp(`^endless: no service @shop/api runs; (${orOthers})$`),
      ) as string,
    })
  })

  test('is found through the link of a release, after a deploy has switched it', async () => {
    const login = new Login()
    const current = path.join(login.root, 'current')
    login.project('releases/1', 'shop')
    login.project('releases/2', 'shop')
    symlinkSync('releases/1', current)
    await login.run(current)
    rmSync(current)
    symlinkSync('releases/2', current)
    for (const directory of [current, path.join(login.root, 'releases/2')]) {
      expect(await login.ask(directory, 'restart')).toMatchObject({ code: 0 })
    }
    expect(await login.ask(path.join(login.root, 'releases/1'), 'restart')).toMatchObject({
      code: 3,
      err: expect.stringMatching(
        /shop runs in \/.*\/current \(pid \d+\), and not here; if it is meant: endless restart shop$/,
      ) as string,
    })
  })

  test('without a package.json has the name of its script, and is found where it was started', async () => {
    const login = new Login()
    const folder = login.project('plain', undefined, 'serve.mjs')
    login.project('plain', undefined, 'work.mjs')
    await login.run(folder, ['serve.mjs'])
    expect(await login.ask(folder, 'restart')).toMatchObject({ code: 0 })
    expect(await login.ask(login.root, 'restart')).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /^endless: say which service: endless restart <name>; there (?:is|are) (?:.+, )?serve(?:,|$)/,
      ) as string,
    })
    await login.run(folder, ['work.mjs'])
    expect(await login.ask(folder, 'stop')).toMatchObject({
      code: 2,
      err: 'endless: say which service: endless stop <name> (here run serve, work)',
    })
    expect(await login.ask(folder, 'stop', 'work')).toMatchObject({ code: 0 })
  })

  test('with another name than its project is not taken for the service of the project', async () => {
    const login = new Login()
    const shop = login.project('shop', 'shop')
    const program = await login.run(shop, ['--name', 'worker', 'app.mjs'])
    expect(await login.ask(shop, 'stop')).toMatchObject({
      code: 3,
      err: 'endless: no service shop runs; here run worker: endless stop worker',
    })
    expect(isAlive(program.pid)).toBe(true)
    const both = await login.run(shop)
    expect(await login.ask(shop, 'stop')).toMatchObject({ out: `pid ${both.pid} has ended` })
    expect(await login.ask('/', 'stop', 'worker')).toMatchObject({ code: 0 })
  })

  test('by a path has no name, unless it is given one', async () => {
    const login = new Login()
    const shop = login.project('shop', 'shop')
    const control = path.join(shop, 'control.sock')
    await login.run(shop, ['--control', control, 'app.mjs'])
    expect(await login.ask(shop, 'restart')).toMatchObject({ code: 3 })
    const pidFile = path.join(shop, 'app.pid')
    await login.run(shop, ['--name', 'api', '--pid-file', pidFile, 'app.mjs'])
    for (const which of [['api'], ['--pid-file', pidFile], ['--control', control]]) {
      expect(await login.ask('/', 'restart', ...which)).toMatchObject({ code: 0 })
    }
  })

  test('is found by its name and by the pid file that the program asks for', async () => {
    const login = new Login()
    const shop = login.project('shop', 'shop')
    const pidFile = path.join(shop, 'app.pid')
    const args = [path.join(shop, 'broken'), JSON.stringify({ pidFile })]
    await login.run(shop, ['app.mjs', ...args])
    await until(() => existsSync(`${pidFile}.sock`), { step: 'its control socket', deadlineMs })
    expect(await login.ask(shop, 'restart')).toMatchObject({ code: 0 })
    expect(await login.ask('/', 'restart', '--pid-file', pidFile)).toMatchObject({ code: 0 })
  })
})

describe('a second run of a name', () => {
  const chosen = ['--name', 'shop', 'app.mjs']

  test.each([['the same directory'], ['another directory']])(
    'in %s is refused before the program is started, if somebody chose the name',
    async (where) => {
      const login = new Login()
      const shop = login.project('shop', 'shop')
      const program = await login.run(shop)
      const second = where === 'the same directory' ? shop : login.project('copy', 'shop')
      const refused = login.start(second, chosen)
      expect(await told(refused)).toEqual({
        code: 2,
        out: '',
        err: `endless: shop is already running in ${shop} (pid ${program.pid}); use endless restart`,
      })
      expect(refused.events).toEqual([])
      await login.run(second, ['--name', 'shop-2', 'app.mjs'])
    },
  )

  test('runs without a name if nobody chose one: it may serve another port', async () => {
    const login = new Login()
    const shop = login.project('shop', 'shop')
    const first = await login.run(shop)
    const second = await login.run(shop)
    expect(second.stderr).toContain(
      `shop is already running in ${shop} (pid ${first.pid}); use endless restart. Commands do not find ` +
        'this service; give it another name (--name), or a path (--control)',
    )
    expect(await login.ask(shop, 'stop')).toMatchObject({ out: `pid ${first.pid} has ended` })
    expect(isAlive(second.pid)).toBe(true)
  })

  test('at the same moment is refused: one of the two serves', async () => {
    const login = new Login()
    const shop = login.project('shop', 'shop')
    const both = [login.start(shop, chosen), login.start(shop, chosen)]
    const ended = await Promise.race(
      both.map(async (each) => ({
        each,
        ...(await each.waitForExit({ step: 'one ends', deadlineMs })),
      })),
    )
    expect(ended.code).toBe(2)
    expect(ended.each.stderr).toMatch(/^endless: shop is already running in \S+ \(pid \d+\)/)
    const other = both.find((each) => each !== ended.each)!
    await other.waitForGeneration(0, { deadlineMs })
    expect(ended.each.stderr).toContain(`(pid ${other.pid})`)
  })

  test('takes the place of one that was killed, whose socket is not listed', async () => {
    const login = new Login()
    const shop = login.project('shop', 'shop')
    const first = await login.run(shop)
    first.kill()
    await first.waitForExit({ step: 'it is killed', deadlineMs })
    expect(readdirSync(path.join(login.env.XDG_RUNTIME_DIR, 'endless'))).toEqual(['shop.sock'])
    expect((await login.ask('/', 'status', '--all')).out).not.toContain('shop')
    expect(await login.ask(shop, 'status')).toMatchObject({ code: 3 })
    await login.run(shop)
    expect(await login.ask(shop, 'restart')).toMatchObject({ code: 0 })
  })

  test('while the first drains is refused, and told how long to wait', async () => {
    const login = new Login()
    const shop = login.project('shop', 'shop')
    const first = await login.run(shop)
    const busy = await connectRaw(first.generations[0]!.port ?? 0)
    busy.request('/wait')
    await first.waitForEvent('waiting', { step: 'a request waits', deadlineMs })
    expect(await login.ask(shop, 'stop', '--no-wait')).toMatchObject({ code: 0 })
    expect(await told(login.start(shop, chosen))).toMatchObject({
      code: 2,
      err: expect.stringContaining(`shop is still ending (pid ${first.pid}): wait`) as string,
    })
    expect((await login.ask('/', 'status', '--all')).out).toMatch(/^shop +\d+ +ending /m)
    expect(await login.ask(shop, 'hammer')).toMatchObject({ code: 0 })
    await first.waitForExit({ step: 'it ends', deadlineMs })
    await login.run(shop)
  })

  test('beside one that does not answer is refused too', async () => {
    const login = new Login()
    const shop = login.project('shop', 'shop')
    const first = await login.run(shop)
    first.signal('SIGSTOP', first.pid)
    onTestFinished(() => {
      if (isAlive(first.pid)) process.kill(first.pid, 'SIGCONT')
    })
    const stuck = /shop\.sock does not answer/
    const [refused, asked, listed] = await Promise.all([
      told(login.start(shop, chosen)),
      login.ask(shop, 'restart'),
      login.ask('/', 'status', '--all'),
    ])
    expect(refused).toMatchObject({ code: 2, err: expect.stringMatching(stuck) as string })
    expect(asked).toMatchObject({ code: 1, err: expect.stringMatching(stuck) as string })
    expect(listed.out).toMatch(/^shop +cannot be asked$/m)
    expect(listed.out).toMatch(stuck)
  })
})

describe('endless status', () => {
  test('lists the services of the user outside of a project, and with --all', async () => {
    const login = new Login()
    const shop = login.project('shop', 'shop')
    const api = login.project('api', '@shop/api')
    const [first, second] = await Promise.all([login.run(shop), login.run(api)])
    for (const [cwd, ...args] of [[login.root], ['/'], [shop, '--all']] as const) {
      const { code, out } = await login.ask(cwd, 'status', ...args)
      expect(code).toBe(0)
      expect(out).toMatch(/^NAME +PID +STATE +AGE +GENERATION +LISTENERS +DIRECTORY$/m)
      expect(out).toMatch(
        new RegExp(`^@shop/api +${second.pid} +serving +\\d+ s +0 +\\S+:\\d+ +${api}$`, 'm'),
      )
      expect(out).toMatch(new RegExp(`^shop +${first.pid} +serving .* ${shop}$`, 'm'))
    }
    const { out } = await login.ask('/', 'status', '--json')
    const list = JSON.parse(out) as { name: string; status: { pid: number } }[]
    const ours = list.filter(({ name }) => ['@shop/api', 'shop'].includes(name))
    expect(ours.map(({ status }) => status.pid)).toEqual([second.pid, first.pid])
  })

  test('in a project whose service does not run says so, and what does', async () => {
    const login = new Login()
    await login.run(login.project('shop', 'shop'))
    expect(await login.ask(login.project('api', 'api'), 'status')).toMatchObject({
      code: 3,
      err: expect.stringMatching(
        /^endless: no service api runs; there (?:is|are) (?:.+, )?shop(?:,|$)/,
      ) as string,
    })
  })
})

describe('what cannot be meant is refused, and told what to write:', () => {
  test.each<[string[], number, RegExp]>([
    [
      ['restart', 'app.pid'],
      2,
      /no service is named app\.pid; .*: endless restart --pid-file app\.pid$/,
    ],
    [['stop', './run/app'], 2, /: endless stop --pid-file \.\/run\/app$/],
    [['status', 'app.sock'], 2, /: endless status --control app\.sock$/],
    [['restart', 'shop'], 3, new RegExp(`no service of yours is named shop; (${orOthers})`)],
    [['restart', '../shop'], 2, /no service is named \.\.\/shop/],
    [['restart', 'shop', '--pid-file', 'app.pid'], 2, /say which service once/],
    [['status', 'shop', '--all'], 2, /say one service, or --all$/],
    [['start', 'app.js'], 2, /unknown command 'start': use endless run app\.js$/],
    [['reload'], 2, /unknown command 'reload': use endless restart$/],
    [['app.js'], 2, /unknown command 'app\.js': use endless run app\.js$/],
  ])('endless %j', async (args, code, reason) => {
    const login = new Login()
    const { err, ...rest } = await login.ask(login.root, ...args)
    expect(rest).toEqual({ code, out: '' })
    expect(err).toMatch(/^endless: [^\n]*$/)
    expect(err).toMatch(reason)
  })

  test('a name of the command line that no socket can have', async () => {
    const login = new Login()
    const shop = login.project('shop', 'shop')
    const long = 'é'.repeat(40)
    const { code, err } = await told(login.start(shop, ['--name', long, 'app.mjs']))
    expect(code).toBe(2)
    expect(err).toMatch(
      /^endless: cannot keep the name é+: .*\.sock: it has \d+ bytes, but .* at most 107/,
    )
    expect(await told(login.start(shop, ['--name', ' ', 'app.mjs']))).toMatchObject({
      code: 2,
      err: expect.stringContaining('a name has at least one character') as string,
    })
  })
})

describe('a service without a place for its name runs all the same, and says why commands do not find it:', () => {
  test('its name is too long', async () => {
    const login = new Login()
    const program = await login.run(login.project('shop', `@shop/${'x'.repeat(120)}`))
    expect(program.stderr).toMatch(
      /cannot keep the name @shop\/x+: .* bytes, but the path of a Unix socket may have at most 107.*--name/,
    )
  })

  test('its name is kept in /tmp, if $XDG_RUNTIME_DIR is too long', async () => {
    const login = new Login()
    const long = path.join(login.env.XDG_RUNTIME_DIR, 'x'.repeat(80))
    mkdirSync(long, { mode: 0o700 })
    login.env.XDG_RUNTIME_DIR = long
    const name = `endless-test-${process.pid}`
    const shop = login.project('shop', name)
    const program = await login.run(shop)
    expect(program.stderr).not.toContain('cannot keep')
    const file = `/tmp/endless-services-${process.geteuid?.()}/${name}.sock`
    expect(existsSync(file)).toBe(true)
    expect(await login.ask(shop, 'stop')).toMatchObject({ code: 0 })
    expect(existsSync(file)).toBe(false)
  })

  test('another user has made the directory, or may enter it', async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('only root can start services of another user')
    // No user has this uid; its directory in /tmp is made by somebody else, root.
    const uid = 54_321
    const directory = `/tmp/endless-services-${uid}`
    mkdirSync(directory, { mode: 0o700 })
    onTestFinished(() => rmSync(directory, { recursive: true }))
    const login = new Login()
    const shop = login.project('shop', 'shop')
    const start = (): Program => runAs(uid, ['run', 'app.mjs'], shop)
    chmodSync(login.root, 0o755)
    const first = start()
    await first.waitForGeneration(0, { deadlineMs })
    expect(first.stderr).toContain(
      `cannot keep the name shop: ${directory} belongs to another user (uid 0)`,
    )
    expect(readdirSync(directory)).toEqual([])
    await first.end()

    chownSync(directory, uid, uid)
    chmodSync(directory, 0o770)
    const second = start()
    await second.waitForGeneration(0, { deadlineMs })
    expect(second.stderr).toContain(`other users may enter ${directory} (mode 0770)`)
    await second.end()
  })
})

test('two users have services of the same name, and do not see those of the other', async ({
  skip,
}) => {
  if (process.getuid?.() !== 0) skip('only root can start services of two users')
  const uid = 54_322
  const directory = `/tmp/endless-services-${uid}`
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const login = new Login()
  chmodSync(login.root, 0o755)
  const shop = login.project('shop', 'shop')
  const ours = await login.run(shop)
  // sudo may pass root's own directory on to another user, and the other way round.
  const theirs = runAs(uid, ['run', 'app.mjs'], shop, login.env)
  await theirs.waitForGeneration(0, { deadlineMs })
  expect(theirs.stderr).not.toContain('cannot keep')
  expect(statSync(directory)).toMatchObject({ uid, mode: 0o40700 })

  const pids = async (command: Program): Promise<string> => (await told(command)).out
  expect(await pids(runAs(uid, ['status'], shop, login.env))).toContain(
    `supervisor pid ${theirs.pid},`,
  )
  expect((await login.ask(shop, 'status')).out).toContain(`supervisor pid ${ours.pid},`)
  expect((await login.ask('/', 'status')).out).not.toContain(String(theirs.pid))
  expect(await login.ask(shop, 'stop')).toMatchObject({ out: `pid ${ours.pid} has ended` })
  expect(isAlive(theirs.pid)).toBe(true)
  // Root names the service of another user by its path.
  const socket = path.join(directory, 'shop.sock')
  expect(await login.ask('/', 'stop', '--control', socket)).toMatchObject({ code: 0 })
})

test('a service of a login is found from outside of it, as by cron, and the other way round', async ({
  skip,
}) => {
  if (process.getuid?.() !== 0) skip('only root can start services of another user')
  const uid = 54_323
  const ofLogin = `/run/user/${uid}`
  const ofTemporary = `/tmp/endless-services-${uid}`
  mkdirSync(ofLogin, { recursive: true, mode: 0o700 })
  chownSync(ofLogin, uid, uid)
  onTestFinished(() => {
    for (const each of [ofLogin, ofTemporary]) rmSync(each, { recursive: true, force: true })
  })
  const login = new Login()
  chmodSync(login.root, 0o755)
  const shop = login.project('shop', 'shop')
  const inside = { XDG_RUNTIME_DIR: ofLogin }
  for (const [here, there, kept] of [
    [inside, {}, `${ofLogin}/endless`],
    [{}, inside, ofTemporary],
  ] as const) {
    const program = runAs(uid, ['run', 'app.mjs'], shop, here)
    await program.waitForGeneration(0, { deadlineMs })
    expect(readdirSync(kept)).toEqual(['shop.sock'])
    const second = await told(runAs(uid, ['run', '--name', 'shop', 'app.mjs'], shop, there))
    expect(second.err).toContain(`shop is already running in ${shop} (pid ${program.pid})`)
    expect(await told(runAs(uid, ['stop'], shop, there))).toMatchObject({
      out: `pid ${program.pid} has ended`,
    })
  }
})

test('npx endless run opens with no warning about npx', async () => {
  const login = new Login()
  const shop = login.project('shop', 'shop')
  mkdirSync(path.join(shop, 'node_modules/.bin'), { recursive: true })
  symlinkSync(endless, path.join(shop, 'node_modules/.bin/endless'))
  const program = startProgram({
    command: 'npx',
    args: ['endless', 'run', 'app.mjs'],
    cwd: shop,
    env: login.env,
  })
  await program.waitForGeneration(0, { deadlineMs })
  expect(await login.ask(shop, 'restart')).toMatchObject({ code: 0 })
  expect(program.stderr).not.toMatch(/np[mx]/)
  expect(await login.ask(shop, 'stop')).toMatchObject({ code: 0 })
})

/** Starts the command as another user, without the environment of our own login. */
function runAs(uid: number, args: string[], cwd: string, env: NodeJS.ProcessEnv = {}): Program {
  const user = ['--reuid', String(uid), '--regid', String(uid), '--clear-groups']
  return startProgram({
    command: 'setpriv',
    args: [...user, process.execPath, endless, ...args],
    cwd,
    env: { XDG_RUNTIME_DIR: undefined, PWD: cwd, ...env },
  })
}
