// Proves that the log tells the whole story: who serves, each once, what is waited for, and how each generation
// ends, of a service alone and under a supervisor. Each transcript is what an operator reads.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  connectRaw,
  get,
  type Program,
  startFixture,
  superviseFixture,
  temporaryDirectory,
  until,
} from '../helpers/index.js'

const deadlineMs = 30_000
const settings = JSON.stringify({ options: { hammerTimeMs: 6_000 } })

/** A service whose log is read: `#0` is the pid of generation 0, and `#S` that of the supervisor. */
class Story {
  readonly program: Program
  readonly #isSupervised: boolean
  readonly port: Promise<number>

  constructor(fixture: string, args: string[], isSupervised: boolean) {
    this.#isSupervised = isSupervised
    // By its path, so that it has no name, which another service may have.
    const runArgs = ['--control', path.join(temporaryDirectory(), 'control')]
    this.program = isSupervised
      ? superviseFixture(fixture, { args, runArgs })
      : startFixture(fixture, { args })
    this.port = this.program.waitForGeneration(0, { deadlineMs }).then(({ port = 0 }) => port)
  }

  /** Waits for lines, in the words of the transcript. */
  async reads(text: string, count = 1): Promise<void> {
    const step = `the log has: ${text}`
    const found = () => this.lines.filter((line) => line.includes(text))
    const explain = () => this.program.output.toString()
    await until(() => found().length === count, { step, deadlineMs, explain })
  }

  /** Ends the service; resolves when all its processes have ended. */
  end(): Promise<this> {
    this.signal('SIGTERM')
    return this.untilEnd()
  }

  async untilEnd(): Promise<this> {
    const { program } = this
    const explain = () => program.output.toString()
    const step = 'all have ended'
    await until(() => program.alive.length === 0, { step, deadlineMs, explain })
    return this
  }

  /** Signals the service: its supervisor, or the generation that serves by its own words. */
  signal(signal: NodeJS.Signals): void {
    const { program } = this
    const serves = [...program.stderr.matchAll(/\(pid (\d+)\) serves/g)]
    program.signal(signal, this.#isSupervised ? program.pid : Number(serves.at(-1)?.[1]))
  }

  /** The lines of endless, with names in the place of pids, and no time that depends on the machine. */
  get lines(): string[] {
    const { program } = this
    const lines = program.stderr.split('\n').filter((line) => line.startsWith('[endless '))
    const pids = lines.join('\n').matchAll(/generation (\d+) \(pid (\d+)\)/gi)
    const names = new Map([...pids].map(([, number, pid]) => [pid, `#${number}`]))
    if (this.#isSupervised) names.set(String(program.pid), '#S')
    return lines.map((line) =>
      line
        .replace(/(?<=\[endless |pid )\d+/g, (pid) => names.get(pid) ?? '#?')
        .replace(/(?<=(?:127\.0\.0\.1|\[::\]):)\d+/, 'PORT')
        .replace(/(?<=(?:gone|shut down) after )[\d.]+ m?s/, 'TIME')
        .replace(/(?<=starting generation \d+) in .*/, '') // or at once, after ten seconds of service
        .replace(/\(\/.*\/(.*?)(?::\d+)+\)/, '($1)'),
    )
  }

  /** The lines by the process that wrote them. */
  get byProcess(): Record<string, string[]> {
    const told: Record<string, string[]> = {}
    for (const line of this.lines) {
      const [, process = '', text = ''] = /^\[endless (\S+)\] (.*)$/.exec(line) ?? []
      ;(told[process] ??= []).push(text)
    }
    return told
  }
}

type Play = (isSupervised: boolean) => Promise<Story>

const plays: Record<string, Play> = {
  async restart(isSupervised) {
    const story = new Story('dies-as-told.mjs', [], isSupervised)
    await story.reads('serves')
    story.signal('SIGHUP')
    await story.reads('has gone')
    return story.end()
  },

  async 'failed restart'(isSupervised) {
    const broken = path.join(temporaryDirectory(), 'broken')
    const story = new Story('dies-as-told.mjs', [broken], isSupervised)
    await story.reads('serves')
    writeFileSync(broken, 'no database')
    story.signal('SIGHUP')
    await story.reads('failed')
    return story.end()
  },

  /** The new generation dies while the old one drains; then that dies, too, if a supervisor can replace it. */
  async crash(isSupervised) {
    const story = new Story('dies-as-told.mjs', [], isSupervised)
    const port = await story.port
    const held = await connectRaw(port)
    held.request('/wait', { headers: 'Connection: close\r\n' })
    await story.program.waitForEvent('waiting', { step: 'a request waits', deadlineMs })
    story.signal('SIGHUP')
    await story.reads('generation 1 (pid #1) serves')
    await get(port, '/throw').catch(() => undefined)
    await story.reads('generation 0 (pid #0) serves 127.0.0.1:PORT again')
    await get(port, '/answer')
    await held.waitForEnd()
    if (isSupervised) {
      await get(port, '/throw').catch(() => undefined)
      await story.reads('generation 1 (pid #1) serves', 2)
    }
    return story.end()
  },

  async 'stop in a restart'(isSupervised) {
    const story = new Story('boots-when-told.mjs', [], isSupervised)
    await story.reads('serves')
    story.signal('SIGHUP')
    await story.program.waitForEvent('gate', { step: 'a successor boots', deadlineMs })
    return story.end()
  },

  async 'stop with a request that hangs'(isSupervised) {
    const story = new Story('answers-on-command.mjs', [settings], isSupervised)
    const client = await connectRaw(await story.port)
    client.request('/wait/for-ever')
    await story.program.waitForEvent('request', { step: 'it is read', deadlineMs })
    return story.end()
  },

  async hammer(isSupervised) {
    const story = new Story('answers-on-command.mjs', [], isSupervised)
    const client = await connectRaw(await story.port)
    client.request('/wait/for-ever')
    await story.program.waitForEvent('request', { step: 'it is read', deadlineMs })
    story.signal('SIGTERM')
    await story.reads('shutting down')
    story.signal('SIGUSR2')
    return story.untilEnd()
  },

  async 'three restarts under a WebSocket'(isSupervised) {
    const story = new Story('answers-on-command.mjs', [settings], isSupervised)
    const client = await connectRaw(await story.port)
    client.request('/', { headers: 'Connection: upgrade\r\nUpgrade: echo\r\n' })
    await client.waitForResponses(1)
    for (const number of [1, 2, 3]) {
      story.signal('SIGHUP')
      await story.reads(`generation ${number} (pid #${number}) serves`)
    }
    await story.reads('generation 2 (pid #2) has gone')
    return story.end()
  },
}

const stories = new Map<string, Story>()

// Some at once, since some take as long as a wait until it is said. The other tests read what is told here.
test.each([
  [['restart', 'failed restart']],
  [['crash', 'stop in a restart']],
  [['hammer', 'stop with a request that hangs', 'three restarts under a WebSocket']],
])('%j: the services come to their end', async (names) => {
  const told = names.flatMap((name) =>
    [false, true].map(async (isSupervised) => {
      stories.set(`${name} ${isSupervised}`, await plays[name]!(isSupervised))
    }),
  )
  await Promise.all(told)
})

const lines = (name: string, isSupervised: boolean): string[] =>
  stories.get(`${name} ${isSupervised}`)!.lines

describe.each([
  { how: 'alone', isSupervised: false, by: '#1' },
  { how: 'under a supervisor', isSupervised: true, by: '#S' },
])('$how', ({ isSupervised, by }) => {
  test('a restart', () => {
    expect(lines('restart', isSupervised)).toEqual([
      '[endless #0] generation 0 (pid #0) serves 127.0.0.1:PORT',
      '[endless #0] restarting: starting generation 1',
      '[endless #1] generation 1 (pid #1) serves 127.0.0.1:PORT',
      `[endless ${by}] generation 0 (pid #0) has gone after TIME`,
      '[endless #1] shutting down: no connection is open',
      '[endless #1] generation 1 (pid #1) has shut down after TIME',
    ])
  })

  test('a restart that fails', () => {
    expect(lines('failed restart', isSupervised)).toEqual([
      '[endless #0] generation 0 (pid #0) serves 127.0.0.1:PORT',
      '[endless #0] restarting: starting generation 1',
      '[endless #0] Restart failed: Generation 1 (pid #1) exited with code 1 before it had taken over: ' +
        'RangeError: no database (dies-as-told.mjs). Generation 0 (pid #0) still serves.',
      '[endless #0] shutting down: no connection is open',
      '[endless #0] generation 0 (pid #0) has shut down after TIME',
    ])
  })

  test('a crash while the old generation drains, and one with none', () => {
    const last = isSupervised ? '#1' : '#0'
    expect(lines('crash', isSupervised)).toEqual([
      '[endless #0] generation 0 (pid #0) serves 127.0.0.1:PORT',
      '[endless #0] restarting: starting generation 1',
      '[endless #1] generation 1 (pid #1) serves 127.0.0.1:PORT',
      '[endless #0] Restart failed: Generation 1 (pid #1) exited with code 1 after it had taken over: ' +
        'RangeError: thrown on purpose (dies-as-told.mjs). Generation 0 (pid #0) takes over again.',
      '[endless #0] generation 0 (pid #0) serves 127.0.0.1:PORT again',
      ...(isSupervised
        ? [
            '[endless #S] generation 0 (pid #0) exited with code 1: ' +
              'RangeError: thrown on purpose (dies-as-told.mjs)',
            '[endless #S] starting generation 1',
            '[endless #1] generation 1 (pid #1) serves 127.0.0.1:PORT',
          ]
        : []),
      `[endless ${last}] shutting down: no connection is open`,
      `[endless ${last}] generation ${last.slice(1)} (pid ${last}) has shut down after TIME`,
    ])
  })

  test('a stop in a restart', () => {
    expect(lines('stop in a restart', isSupervised)).toEqual([
      '[endless #0] generation 0 (pid #0) serves [::]:PORT',
      '[endless #0] restarting: starting generation 1',
      '[endless #0] restart stopped: the service shuts down',
      '[endless #0] shutting down: no connection is open',
      '[endless #0] generation 0 (pid #0) has shut down after TIME',
    ])
  })

  test('a stop with a request that hangs', () => {
    expect(lines('stop with a request that hangs', isSupervised)).toEqual([
      '[endless #0] generation 0 (pid #0) serves 127.0.0.1:PORT',
      '[endless #0] shutting down: 1 connection open, at most 6 s; ' +
        'SIGUSR2 or a second Ctrl-C ends it at once',
      '[endless #0] waiting for generation 0 (pid #0): 1 request, at most 1 s',
      '[endless #0] hammer: 1 connection destroyed, after 6 s (hammerTimeMs)',
      '[endless #0] generation 0 (pid #0) has shut down after TIME',
    ])
  })

  test('the hammer, as somebody wants it', () => {
    expect(lines('hammer', isSupervised).slice(2)).toEqual([
      '[endless #0] hammer: 1 connection destroyed, as requested',
      '[endless #0] generation 0 (pid #0) has shut down after TIME',
    ])
  })

  test('three restarts under a WebSocket', () => {
    const gone = (number: number) => `generation ${number} (pid #${number}) has gone after TIME`
    const serves = (number: number) => `generation ${number} (pid #${number}) serves 127.0.0.1:PORT`
    const own = (number: number) => (isSupervised ? [] : [gone(number)])
    expect(stories.get(`three restarts under a WebSocket ${isSupervised}`)!.byProcess).toEqual({
      '#0': [
        serves(0),
        'restarting: starting generation 1',
        'waiting for generation 0 (pid #0): 1 upgraded connection, at most 1 s',
        'hammer: 1 connection destroyed, after 6 s (hammerTimeMs)',
      ],
      '#1': [serves(1), 'restarting: starting generation 2', ...own(0)],
      '#2': [serves(2), 'restarting: starting generation 3', ...own(1)],
      '#3': [
        serves(3),
        ...own(2),
        'shutting down: no connection is open',
        'generation 3 (pid #3) has shut down after TIME',
      ],
      ...(isSupervised && { '#S': [gone(0), gone(1), gone(2)] }),
    })
  })
})
