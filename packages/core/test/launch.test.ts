// Proves with which command, arguments, directory and environment a successor is started, also where
// a symbolic link leads from one release to the next.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createLaunch, findOrigin, type Launch } from '../src/handoff/launch.js'
import type { SuccessorOptions } from '../src/options.js'
import { FakeSystem } from './fake-system.js'

const preload = 'data:text/javascript,x#100'
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

  test('is unknown if the directory has been deleted', () => {
    system.directory = new Error('ENOENT: uv_cwd')
    system.env['PWD'] = '/nonexistent/endless'
    expect(findOrigin(system, '')).toEqual({ logical: '', physical: '' })
  })
})

describe('the successor is started', () => {
  const launch = (override?: SuccessorOptions): Launch =>
    createLaunch(system, findOrigin(system, ''), preload, { A: '1' }, override)

  test('as this process was, with the preload in its environment', () => {
    system.directory = os.tmpdir()
    system.execArgv = ['--enable-source-maps', '--import', 'tsx']
    system.argv = ['/usr/bin/node', '/srv/app/app.js', '--port', '80']
    expect(launch()).toEqual({
      command: '/usr/bin/node',
      args: ['--enable-source-maps', '--import', 'tsx', '/srv/app/app.js', '--port', '80'],
      cwd: os.tmpdir(),
      env: { A: '1', NODE_OPTIONS: `--import ${preload}` },
      addedExecArgv: [],
    })
  })

  test.each(['--inspect', '--inspect=9229', '--inspect-brk', '--inspect-port=9230'])(
    'with an inspector port of its own if this process has %s',
    (option) => {
      system.execArgv = [option]
      const { args, addedExecArgv } = launch()
      expect(args).toEqual([option, '--inspect-port=0', '/srv/app/app.js'])
      expect(addedExecArgv).toEqual(['--inspect-port=0'])
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
      NODE_OPTIONS: `--import ${preload}`,
    })
  })

  test('with exactly the arguments that are given', () => {
    system.execArgv = ['--inspect']
    expect(launch({ args: ['other.js'] })).toMatchObject({
      args: ['other.js'],
      addedExecArgv: [],
    })
  })
})

describe('behind a symbolic link', () => {
  test('the successor starts in the link, with the script below it', () => {
    const { current, release } = deployment()
    system.directory = release(41)
    system.env['PWD'] = current
    system.argv = ['/usr/bin/node', `${release(41)}/app/main.js`]
    const { args, cwd } = createLaunch(system, findOrigin(system, ''), preload, {})
    expect(cwd).toBe(current)
    expect(args.at(-1)).toBe(`${current}/app/main.js`)
  })

  test('a script beside the working directory is moved too', () => {
    const { current, release } = deployment()
    system.directory = `${release(41)}/app`
    system.env['PWD'] = `${current}/app`
    system.argv = ['/usr/bin/node', `${release(41)}/main.js`]
    const { args, cwd } = createLaunch(system, findOrigin(system, ''), preload, {})
    expect(cwd).toBe(`${current}/app`)
    expect(args.at(-1)).toBe(`${current}/main.js`)
  })

  test('a script that is the working directory itself, as of `node .`, is the link', () => {
    const { current, release } = deployment()
    system.directory = release(41)
    system.env['PWD'] = `${current}/`
    system.argv = ['/usr/bin/node', release(41), '.']
    const { args, cwd } = createLaunch(system, findOrigin(system, ''), preload, {})
    expect({ args, cwd }).toEqual({ args: [current, '.'], cwd: current })
  })

  test('a script that is a directory above the working directory is moved too', () => {
    const { current, release } = deployment()
    system.directory = `${release(41)}/app`
    system.env['PWD'] = `${current}/app`
    system.argv = ['/usr/bin/node', release(41)]
    const { args } = createLaunch(system, findOrigin(system, ''), preload, {})
    expect(args).toEqual([current])
  })

  test('a script of another place stays where it is, whatever its name begins with', () => {
    const { current, release } = deployment()
    system.directory = release(41)
    system.env['PWD'] = current
    system.argv = ['/usr/bin/node', `${release(41)}-other/main.js`]
    const { args } = createLaunch(system, findOrigin(system, ''), preload, {})
    expect(args.at(-1)).toBe(`${release(41)}-other/main.js`)
  })

  test('a script that was named by the link keeps it', () => {
    const { root, current } = deployment()
    system.directory = root
    system.argv = ['/usr/bin/node', `${current}/app/main.js`]
    const { args } = createLaunch(system, findOrigin(system, ''), preload, {})
    expect(args.at(-1)).toBe(`${current}/app/main.js`)
  })
})

describe('when the working directory has been deleted', () => {
  test('the successor starts beside its script', () => {
    const { root, current, release } = deployment()
    system.argv = ['/usr/bin/node', `${release(42)}/main.js`]
    const gone = { logical: path.join(root, 'gone'), physical: '' }
    expect(createLaunch(system, gone, preload, {}).cwd).toBe(release(42))
    expect(createLaunch(system, { ...gone, logical: current }, preload, {}).cwd).toBe(current)
  })

  test('the successor starts at the root if nothing is left', () => {
    system.argv = ['/usr/bin/node', '/nonexistent/endless/main.js']
    expect(createLaunch(system, { logical: '', physical: '' }, preload, {}).cwd).toBe('/')
  })
})
