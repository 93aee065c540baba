// Proves with which command, arguments, directory and environment a successor is started, also where
// a symbolic link leads from one release to the next.
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { SuccessorOptions } from '../../src/api/options.js'
import type { SpawnRequest } from '../../src/handoff/protocol.js'
import { createLaunch, findOrigin } from '../../src/launch/launch.js'
import { FakeSystem } from '../fake-system.js'

const entry = {
  parent: 100,
  generation: 1,
  isSupervised: false,
  orphaned: 'serve' as const,
  preload: undefined,
}
let system: FakeSystem

beforeEach(() => {
  system = new FakeSystem()
})

/** Makes `releases/41/app`, `releases/42/app` and `current`, which leads to 41. */
function deployment(): { root: string; current: string; release: (number: number) => string } {
  const root = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'endless-')))
  onTestFinished(() => {
    rmSync(root, { recursive: true, force: true })
  })
  const release = (number: number): string => path.join(root, 'releases', String(number))
  for (const number of [41, 42]) mkdirSync(path.join(release(number), 'app'), { recursive: true })
  const current = path.join(root, 'current')
  symlinkSync(release(41), current)
  for (const file of ['main.js', 'app/main.js']) {
    writeFileSync(path.join(release(41), file), '')
  }
  return { root, current, release }
}

describe('where this process was started', () => {
  test('is what PWD says if that is the same directory', () => {
    const { current, release } = deployment()
    system.directory = release(41)
    system.env['PWD'] = current
    expect(findOrigin(system, '')).toEqual({ logical: current, physical: release(41) })
  })

  test('is written without detours', () => {
    const { current, release } = deployment()
    system.directory = release(41)
    system.env['PWD'] = `${current}/app/..`
    expect(findOrigin(system, '').logical).toBe(current)
  })

  test('is no parent of a link, which is no parent of where that leads', () => {
    const { root, current } = deployment()
    system.directory = path.join(root, 'releases')
    system.env['PWD'] = `${current}/..`
    expect(findOrigin(system, '').logical).toBe(path.join(root, 'releases'))
  })

  test.each([
    ['is missing', () => undefined],
    ['is empty', () => ''],
    ['is relative', () => '.'],
    ['is stale', ({ release }: ReturnType<typeof deployment>) => release(42)],
    ['names nothing that is there', () => '/nonexistent/endless'],
  ])('is the physical directory if PWD %s', (_, pwd) => {
    const deployed = deployment()
    system.directory = deployed.release(41)
    const named = pwd(deployed)
    if (named !== undefined) system.env['PWD'] = named
    expect(findOrigin(system, '')).toEqual({
      logical: deployed.release(41),
      physical: deployed.release(41),
    })
  })

  test('is remembered from the predecessor, whatever PWD says', () => {
    const { current, release } = deployment()
    system.directory = release(42)
    system.env['PWD'] = release(42)
    expect(findOrigin(system, current)).toEqual({ logical: current, physical: release(42) })
  })

  test.each([
    ['the working directory', '', '/app/main.js'],
    ['a directory below it', '/app', '/app/main.js'],
    ['a directory beside it', '/app', '/main.js'],
  ])('is %s if the script was named by a link to that', (_, below, script) => {
    const { current, release } = deployment()
    for (const pwd of [undefined, '/nonexistent/endless', release(42), release(41) + below]) {
      system.env = pwd === undefined ? {} : { PWD: pwd }
      system.directory = release(41) + below
      system.argv = ['/usr/bin/node', current + script]
      const origin = { logical: current + below, physical: release(41) + below }
      expect(findOrigin(system, '')).toEqual(origin)
    }
  })

  test('is what PWD says by one link, whatever link names the script', () => {
    const { root, current, release } = deployment()
    symlinkSync(release(41), path.join(root, 'stable'))
    system.directory = release(41)
    system.env['PWD'] = path.join(root, 'stable')
    system.argv = ['/usr/bin/node', `${current}/main.js`]
    expect(findOrigin(system, '').logical).toBe(path.join(root, 'stable'))
  })

  test('is the physical directory if the script was named by a link to somewhere else', () => {
    const { root, current, release } = deployment()
    system.argv = ['/usr/bin/node', `${current}/app/main.js`]
    for (const directory of ['/', root, `${root}/releases`, release(42), `${release(42)}/app`]) {
      system.directory = directory
      expect(findOrigin(system, '')).toEqual({ logical: directory, physical: directory })
    }
  })

  test('is the physical directory if only the file is a link, or if the script is not there', () => {
    const { root, release } = deployment()
    system.directory = release(41)
    mkdirSync(path.join(root, 'bin'))
    symlinkSync(`${release(41)}/app/main.js`, path.join(root, 'bin/main.js'))
    symlinkSync(`${release(41)}/app/main.js`, path.join(root, 'bin/serve'))
    for (const name of ['bin/main.js', 'bin/serve', 'gone/main.js']) {
      system.argv = ['/usr/bin/node', path.join(root, name)]
      expect(findOrigin(system, '').logical).toBe(release(41))
    }
  })

  test('is not found by an argument of a program that is no file', () => {
    const { current, release } = deployment()
    system.directory = release(41)
    system.argv = ['/usr/bin/node', `${current}/main.js`]
    expect(findOrigin(system, '', { script: '' }).logical).toBe(release(41)) // as of `endless run main.js`
    system.execArgv = ['-e', 'serve()']
    expect(findOrigin(system, '').logical).toBe(release(41))
  })

  test('is found by the script again if the predecessor remembers another', () => {
    const { current, release } = deployment()
    system.directory = release(41)
    system.argv = ['/usr/bin/node', `${current}/main.js`]
    expect(findOrigin(system, release(40)).logical).toBe(current)
  })

  test('is unknown if the directory has been deleted', () => {
    system.directory = new Error('ENOENT: uv_cwd')
    system.env['PWD'] = '/nonexistent/endless'
    expect(findOrigin(system, '')).toEqual({ logical: '', physical: '' })
  })
})

describe('the successor is started', () => {
  const launch = (override?: SuccessorOptions): SpawnRequest =>
    createLaunch(system, findOrigin(system, ''), entry, { A: '1' }, override)

  test('as this process was, and told how to come in', () => {
    system.directory = os.tmpdir()
    system.execArgv = ['--enable-source-maps', '--import', 'tsx']
    system.argv = ['/usr/bin/node', '/srv/app/app.js', '--port', '80']
    expect(launch()).toEqual({
      command: '/usr/bin/node',
      args: ['--enable-source-maps', '--import', 'tsx', '/srv/app/app.js', '--port', '80'],
      cwd: os.tmpdir(),
      env: { A: '1', NODE_ENDLESS: expect.any(String) as string },
    })
  })

  test.each(['--inspect', '--inspect=9229', '--inspect-brk', '--inspect-port=9230'])(
    'with an inspector port of its own if this process has %s',
    (option) => {
      system.execArgv = [option]
      const { args, env } = launch()
      expect(args).toEqual([option, '--inspect-port=0', '/srv/app/app.js'])
      expect(JSON.parse(env['NODE_ENDLESS']!)).toMatchObject({ execArgv: [['--inspect-port=0']] })
    },
  )

  test('without a script if this process has none', () => {
    system.argv = ['/usr/bin/node']
    system.execArgv = ['--eval', 'serve()']
    expect(launch().args).toEqual(['--eval', 'serve()'])
  })

  test.each(['-e serve()', '--eval=serve()', '-p serve()', '-pe serve()', '-p -e serve()'])(
    'with the arguments of a program that is no file apart from the options of Node: %s',
    (options) => {
      system.execArgv = [...options.split(' '), '--inspect']
      system.argv = ['/usr/bin/node', '--x', 'y']
      const { args } = launch()
      expect(args).toEqual([...system.execArgv, '--inspect-port=0', '--', '--x', 'y'])
    },
  )

  test('with arguments that are as they were, if they are of a program that is no file', () => {
    const { current, release } = deployment()
    system.directory = release(41)
    system.env['PWD'] = current
    system.execArgv = ['--eval', 'serve()']
    system.argv = ['/usr/bin/node', release(41), '--', 'x']
    expect(launch()).toMatchObject({
      args: ['--eval', 'serve()', '--', release(41), '--', 'x'],
      cwd: current,
    })
  })

  test('with a -- of the application as it was', () => {
    system.argv = ['/usr/bin/node', '/srv/app/app.js', '--', '-e']
    expect(launch().args).toEqual(['/srv/app/app.js', '--', '-e'])
  })

  test('with what is overridden, and the rest as it was', () => {
    system.directory = os.tmpdir()
    system.execArgv = ['--inspect']
    expect(launch({ command: '/opt/node' })).toMatchObject({
      command: '/opt/node',
      args: ['--inspect', '--inspect-port=0', '/srv/app/app.js'],
    })
    expect(launch({ cwd: '/srv' })).toMatchObject({ cwd: '/srv', command: '/usr/bin/node' })
    expect(launch({ env: { B: '2' } }).env).toEqual({
      B: '2',
      NODE_ENDLESS: expect.any(String) as string,
    })
  })

  test('with exactly the arguments that are given', () => {
    system.execArgv = ['--inspect']
    expect(launch({ args: ['other.js'] })).toMatchObject({
      args: ['other.js'],
    })
  })
})

describe('behind a symbolic link', () => {
  test('the successor starts in the link, with the script below it', () => {
    const { current, release } = deployment()
    system.directory = release(41)
    system.env['PWD'] = current
    system.argv = ['/usr/bin/node', `${release(41)}/app/main.js`]
    const { args, cwd } = createLaunch(system, findOrigin(system, ''), entry, {})
    expect(cwd).toBe(current)
    expect(args.at(-1)).toBe(`${current}/app/main.js`)
  })

  test('so are files that options of Node name', () => {
    const { current, release } = deployment()
    const old = release(41)
    system.directory = old
    system.env['PWD'] = current
    system.execArgv = ['--require', `${old}/hook.cjs`, `--import=${old}/a.mjs`, `--title=x${old}/b`]
    const NODE_OPTIONS = `--require "${old}/.pnp.cjs" --loader file://${old}/.pnp.mjs --import ${old}9/c`
    const { args, env } = createLaunch(system, findOrigin(system, ''), entry, { NODE_OPTIONS })
    expect(args.slice(0, 3)).toEqual([
      '--require',
      `${current}/hook.cjs`,
      `--import=${current}/a.mjs`,
    ])
    expect(args[3]).toBe(`--title=x${old}/b`)
    expect(env['NODE_OPTIONS']).toBe(
      `--require "${current}/.pnp.cjs" --loader file://${current}/.pnp.mjs --import ${old}9/c`,
    )
  })

  test('a script beside the working directory is moved too', () => {
    const { current, release } = deployment()
    system.directory = `${release(41)}/app`
    system.env['PWD'] = `${current}/app`
    system.argv = ['/usr/bin/node', `${release(41)}/main.js`]
    const { args, cwd } = createLaunch(system, findOrigin(system, ''), entry, {})
    expect(cwd).toBe(`${current}/app`)
    expect(args.at(-1)).toBe(`${current}/main.js`)
  })

  test('a script that is the working directory itself, as of `node .`, is the link', () => {
    const { current, release } = deployment()
    system.directory = release(41)
    system.env['PWD'] = `${current}/`
    system.argv = ['/usr/bin/node', release(41), '.']
    const { args, cwd } = createLaunch(system, findOrigin(system, ''), entry, {})
    expect({ args, cwd }).toEqual({ args: [current, '.'], cwd: current })
  })

  test('a script that is a directory above the working directory is moved too', () => {
    const { current, release } = deployment()
    system.directory = `${release(41)}/app`
    system.env['PWD'] = `${current}/app`
    system.argv = ['/usr/bin/node', release(41)]
    const { args } = createLaunch(system, findOrigin(system, ''), entry, {})
    expect(args).toEqual([current])
  })

  test('a script of another place stays where it is, whatever its name begins with', () => {
    const { current, release } = deployment()
    system.directory = release(41)
    system.env['PWD'] = current
    system.argv = ['/usr/bin/node', `${release(41)}-other/main.js`]
    const { args } = createLaunch(system, findOrigin(system, ''), entry, {})
    expect(args.at(-1)).toBe(`${release(41)}-other/main.js`)
  })

  test('a script that was named by the link keeps it', () => {
    const { root, current } = deployment()
    system.directory = root
    system.argv = ['/usr/bin/node', `${current}/app/main.js`]
    const { args } = createLaunch(system, findOrigin(system, ''), entry, {})
    expect(args.at(-1)).toBe(`${current}/app/main.js`)
  })
})

describe('with a directory for the successor,', () => {
  /** Launches from 41, by its own name, when the link leads to 42. */
  function launchSwitched(
    cwd: (deployed: ReturnType<typeof deployment>) => string,
    script = '/app/main.js',
  ) {
    const deployed = deployment()
    const { current, release } = deployed
    writeFileSync(`${release(42)}/app/main.js`, '')
    system.directory = release(41)
    system.argv = ['/usr/bin/node', release(41) + script, '--x']
    const origin = findOrigin(system, '')
    rmSync(current)
    symlinkSync(release(42), current)
    const override = { cwd: cwd(deployed) }
    const { args, cwd: found } = createLaunch(system, origin, entry, {}, override)
    expect(found).toBe(override.cwd)
    expect(args.at(-1)).toBe('--x')
    return { ...deployed, script: args.at(-2) }
  }

  test.each(['', '/', '/../current'])(
    'by a link to releases, the script is moved there: %j',
    (end) => {
      const { script, current } = launchSwitched(({ current }) => current + end)
      expect(script).toBe(`${current}/app/main.js`)
    },
  )

  test('a script that the new release lacks is not that of the old one', () => {
    const { script, current } = launchSwitched(({ current }) => current, '/gone.js')
    expect(script).toBe(`${current}/gone.js`)
  })

  test('by a link to a release of any other place, the script is moved if it is there', () => {
    const move = (name: string) =>
      launchSwitched(({ root, release }) => {
        mkdirSync(`${root}/elsewhere/42`, { recursive: true })
        renameSync(`${release(42)}/app`, `${root}/elsewhere/42/${name}`)
        symlinkSync(`${root}/elsewhere/42`, `${root}/link`)
        return `${root}/link`
      })
    const { script, root } = move('app')
    expect(script).toBe(`${root}/link/app/main.js`)
    const { script: stays, release } = move('other')
    expect(stays).toBe(`${release(41)}/app/main.js`)
  })

  test.each([
    ['that is no link', (root: string) => `${root}/releases/42`],
    ['that is not there', (root: string) => `${root}/gone`],
    ['that is the root', () => '/'],
  ])('%s, the script stays where it is', (_, cwd) => {
    const { script, release } = launchSwitched(({ root }) => cwd(root))
    expect(script).toBe(`${release(41)}/app/main.js`)
  })

  test.each(['/data', '/link', '.'])(
    '%s, of no release, the script is named by the link that PWD tells',
    (name) => {
      const { root, current, release } = deployment()
      mkdirSync(`${root}/data`)
      symlinkSync(`${root}/data`, `${root}/link`)
      system.directory = `${release(41)}/app`
      system.env['PWD'] = `${current}/app`
      const cwd = name === '.' ? name : root + name
      for (const script of ['/app/main.js', '/main.js']) {
        system.argv = ['/usr/bin/node', release(41) + script]
        const launch = createLaunch(system, findOrigin(system, ''), entry, {}, { cwd })
        expect(launch).toMatchObject({ args: [current + script], cwd })
      }
    },
  )
})

describe('when the working directory has been deleted', () => {
  test('the successor starts beside its script', () => {
    const { root, current, release } = deployment()
    system.argv = ['/usr/bin/node', `${release(42)}/main.js`]
    const gone = { logical: path.join(root, 'gone'), physical: '' }
    expect(createLaunch(system, gone, entry, {}).cwd).toBe(release(42))
    expect(createLaunch(system, { ...gone, logical: current }, entry, {}).cwd).toBe(current)
  })

  test('the successor starts at the root if nothing is left', () => {
    system.argv = ['/usr/bin/node', '/nonexistent/endless/main.js']
    expect(createLaunch(system, { logical: '', physical: '' }, entry, {}).cwd).toBe('/')
  })
})
