// Proves what each signal does, and that its hooks run before and after that, in the order in which
// they were registered, whichever server has them, and one after the other.
import { expect, test } from 'vitest'
import type { EndlessOptions } from '@endless/core'
import {
  connectRaw,
  get,
  openGate,
  startFixture,
  until,
  waitForGate,
  type Program,
  type RawClient,
} from '../helpers/index.js'

const deadlineMs = 10_000
const inOrder = ['first', 'second', 'second again', 'first again']

interface Settings {
  options?: EndlessOptions
  faulty?: boolean
  brokenSuccessor?: boolean
}

async function start(settings: Settings = {}) {
  const program = startFixture('has-hooks.mjs', { args: [JSON.stringify(settings)] })
  const ready = await program.waitForGeneration(0, { deadlineMs })
  const { port, commands } = ready as unknown as { port: number; commands: number }
  return { program, port, command: (name: string) => get(commands, `/${name}`) }
}

/** Begins a request that ends only when the test says so. */
async function beginRequest(program: Program, port: number): Promise<RawClient> {
  const client = await connectRaw(port)
  client.request('/wait')
  await program.waitForEvent('request', { step: 'the request arrives', deadlineMs })
  return client
}

/** What generation 0 has reported, a hook by its name; both servers' drains, which begin at once, as one. */
function story(program: Program): string[] {
  return program.events
    .filter(({ event, generation }) => generation === 0 && !/^(request|terminated)$/.test(event))
    .map(({ event, hook }) => (hook ?? event) as string)
    .filter((name, index, names) => name !== names[index - 1])
}

const hooks = (phase: string, signal: string) => inOrder.map((who) => `${phase} ${signal} ${who}`)

const waitForHook = (program: Program, hook: string) =>
  program.waitForEvent((event) => event['hook'] === hook, { step: `the hook ${hook}`, deadlineMs })

async function waitForEnd(program: Program) {
  return program.waitForExit({ step: 'generation 0 exits', deadlineMs })
}

/** No two hooks at once, and each in this state. */
function expectHooksIn(program: Program, phase: string, signal: string, state: string): void {
  const ran = program.events.filter(({ hook }) => String(hook).startsWith(`${phase} ${signal} `))
  expect(ran).toMatchObject(inOrder.map(() => ({ running: 1, state })))
}

test('SIGUSR1, SIGTSTP and, while it serves, SIGUSR2 run their hooks and do nothing else', async () => {
  const { program, port } = await start()
  const signals = ['SIGUSR1', 'SIGTSTP', 'SIGUSR2'] as const
  for (const signal of signals) {
    program.signal(signal)
    await waitForHook(program, `after ${signal} first again`)
    expectHooksIn(program, 'before', signal, 'running')
    expectHooksIn(program, 'after', signal, 'running')
  }
  const each = signals.flatMap((signal) => [...hooks('before', signal), ...hooks('after', signal)])
  expect(story(program)).toEqual(['ready', ...each])
  expect((await get(port)).body).toBe('running')
  // Node's own answer to SIGUSR1 is to open the inspector for anybody on the machine.
  expect(program.stderr).not.toContain('Debugger listening')
})

test('SIGHUP runs its hooks around the restart, and those of SIGTERM around the drain', async () => {
  const { program, port, command } = await start()
  const client = await beginRequest(program, port)
  program.signal('SIGHUP')
  await waitForHook(program, 'after SIGHUP first again')
  await program.waitForGeneration(1, { deadlineMs })
  expect(story(program)).not.toContain('after SIGTERM first')
  await command('answer')
  expect(await client.waitForResponses(1)).toMatchObject([{ body: 'waited' }])
  client.destroy()
  await waitForEnd(program)
  expect(story(program)).toEqual([
    'ready',
    ...hooks('before', 'SIGHUP'),
    'restarting',
    ...hooks('before', 'SIGTERM'),
    'taken-over',
    'drain',
    ...hooks('after', 'SIGHUP'),
    ...hooks('after', 'SIGTERM'),
    'clean-up',
    'terminate',
    'exit',
  ])
  expectHooksIn(program, 'before', 'SIGHUP', 'running')
  expectHooksIn(program, 'before', 'SIGTERM', 'restarting')
  const ends = program.events.filter(({ event }) => event === 'terminated')
  expect(ends).toMatchObject([{ report: { reason: 'handoff' } }, { report: { reason: 'handoff' } }])
  expectHooksIn(program, 'after', 'SIGTERM', 'shutting-down')
})

test('when the successor fails, the hooks after SIGHUP run, and none of SIGTERM', async () => {
  const { program, port } = await start({ brokenSuccessor: true })
  program.signal('SIGHUP')
  await waitForHook(program, 'after SIGHUP first again')
  expect(story(program)).toEqual([
    'ready',
    ...hooks('before', 'SIGHUP'),
    'restarting',
    'restart-failed',
    ...hooks('after', 'SIGHUP'),
  ])
  expectHooksIn(program, 'after', 'SIGHUP', 'running')
  expect((await get(port)).body).toBe('running')
})

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s runs its hooks while it still serves, and after the drain, before the clean-up',
  async (signal) => {
    const { program, port, command } = await start()
    const client = await beginRequest(program, port)
    program.signal(signal)
    await program.waitForEvent('drain', { step: 'the drain begins', deadlineMs })
    expectHooksIn(program, 'before', signal, 'running')
    await command('answer')
    expect(await client.waitForResponses(1)).toMatchObject([
      { body: 'waited', headers: { connection: 'close' } },
    ])
    expect(await waitForEnd(program)).toEqual({ code: 0, signal: null })
    expect(story(program)).toEqual([
      'ready',
      ...hooks('before', signal),
      'drain',
      ...hooks('after', signal),
      'clean-up',
      'terminate',
      'exit',
    ])
    expectHooksIn(program, 'after', signal, 'shutting-down')
  },
)

test('hooks that throw, reject or never end are logged, and the shutdown takes its course', async () => {
  const { program } = await start({ faulty: true, options: { hammerTimeMs: 100 } })
  program.signal('SIGTERM')
  expect(await waitForEnd(program)).toEqual({ code: 0, signal: null })
  const logged = program.stderr.split('\n').filter((line) => line.includes('The hook'))
  const said = logged.map((line) => line.replace(/^\[.*?\] The hook before SIGTERM /, ''))
  expect(said).toEqual([
    'failed: thrown on purpose; going on.',
    'failed: rejected so; going on.',
    'has not ended after 100 ms; going on without it.',
  ])
})

test('generation.shutdown() runs no hooks of signals', async () => {
  const { program, command } = await start()
  await command('shutdown')
  await waitForEnd(program)
  expect(story(program)).toEqual(['ready', 'drain', 'clean-up', 'terminate', 'exit'])
})

test('with shutdownDelayMs it goes on accepting after SIGTERM, and says that it shuts down', async () => {
  const { program, port } = await start({ options: { shutdownDelayMs: 1_000 } })
  const beganMs = performance.now()
  program.signal('SIGTERM')
  await until(async () => (await get(port)).body === 'shutting-down', {
    step: 'it tells load balancers',
    deadlineMs,
  })
  expect(story(program)).not.toContain('drain')
  await program.waitForEvent('drain', { step: 'the drain begins', deadlineMs })
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(1_000)
  expect(await waitForEnd(program)).toEqual({ code: 0, signal: null })
})

test.each(['SIGHUP', 'SIGINT'] as const)('%s does not wait for shutdownDelayMs', async (signal) => {
  const { program } = await start({ options: { shutdownDelayMs: 60_000 } })
  program.signal(signal)
  expect(await waitForEnd(program)).toEqual({ code: 0, signal: null })
})

test('only the signals of the option are caught; the others do what they do without endless', async () => {
  const { program, port } = await start({ options: { signals: ['SIGUSR1'] } })
  program.signal('SIGUSR1')
  await waitForHook(program, 'after SIGUSR1 first again')
  expect((await get(port)).body).toBe('running')
  program.signal('SIGHUP')
  expect(await waitForEnd(program)).toEqual({ code: null, signal: 'SIGHUP' })
  expect(story(program)).not.toContain('before SIGHUP first')
})

test('with exit: false the process lives on after a shutdown, may listen again, and can be killed', async () => {
  const { program, command } = await start({ options: { exit: false } })
  const states = async () => JSON.parse((await command('states')).body) as unknown
  program.signal('SIGTERM')
  await program.waitForEvent('terminate', { step: 'it terminates', deadlineMs })
  expect(await states()).toEqual({ generation: 'terminate', servers: ['terminate', 'terminate'] })
  await command('listen')
  await until(() => program.generations.length === 2, { step: 'it serves again', deadlineMs })
  expect(await states()).toEqual({ generation: 'running', servers: ['running', 'terminate'] })
  const { port = 0 } = program.current
  expect((await get(port)).body).toBe('running')
  program.signal('SIGTERM')
  const terminated = () => program.events.filter(({ event }) => event === 'terminate').length === 2
  await until(terminated, { step: 'it terminates again', deadlineMs })
  // Nothing is caught any more.
  program.signal('SIGTERM')
  expect(await waitForEnd(program)).toEqual({ code: null, signal: 'SIGTERM' })
})

test('a second Ctrl-C hammers, but not the echo of the first that npm and shells make', async () => {
  const { program, port } = await start()
  const client = await beginRequest(program, port)
  const beganMs = performance.now()
  program.signal('SIGINT')
  await program.waitForEvent('drain', { step: 'the drain begins', deadlineMs })
  await until(
    () => {
      if (client.endedBy) return true
      program.signal('SIGINT')
      return false
    },
    { step: 'the hammer falls', deadlineMs },
  )
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(500)
  await waitForEnd(program)
  expect(program.events.find(({ event }) => event === 'terminate')).toMatchObject({
    report: { hammered: 1 },
  })
})

test('clean-ups run in order after the drain, each bounded by the hammer time, then it exits', async () => {
  const program = startFixture('cleans-up.mjs')
  await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGTERM')
  const gate = await waitForGate(program, 0)
  expect(program.events.find(({ event }) => event === 'cleaning')).toMatchObject({
    states: ['shutting-down', false],
  })
  expect(program.stderr).not.toContain('the queue is gone')
  await openGate(gate)
  // Two of them have failed: nobody should believe that all is well.
  expect(await waitForEnd(program)).toEqual({ code: 1, signal: null })
  expect(story(program)).toEqual([
    'alone',
    'ready',
    'drain',
    'cleaning',
    'gate',
    'cleaned',
    'terminate',
    'exit',
  ])
  expect(program.stderr).toMatch(
    /An onTerminate hook failed: the queue is gone; going on\.\n.*An onTerminate hook has not ended after 2 s; going on without it\./,
  )
})

test('a clean-up that fails leaves the exit code that the program has set', async () => {
  const program = startFixture('cleans-up.mjs', { args: [JSON.stringify({ exitCode: 7 })] })
  await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGTERM')
  await openGate(await waitForGate(program, 0))
  expect(await waitForEnd(program)).toEqual({ code: 7, signal: null })
})

test.each([
  ['a second Ctrl-C', 'SIGINT'],
  ['SIGUSR2', 'SIGUSR2'],
] as const)('%s ends a clean-up that hangs, and the process', async (_, signal) => {
  const settings = { hammerTimeMs: 60_000 }
  const program = startFixture('cleans-up.mjs', { args: [JSON.stringify(settings)] })
  await program.waitForGeneration(0, { deadlineMs })
  program.signal('SIGINT')
  await waitForGate(program, 0) // it stays closed
  const { child } = program
  await until(
    () => {
      if (child.exitCode !== null) return true
      program.signal(signal)
      return false
    },
    { step: 'the process exits', deadlineMs },
  )
  expect(await waitForEnd(program)).toEqual({ code: 1, signal: null })
  expect(program.stderr).toContain('An onTerminate hook was cut short by the hammer.')
  expect(program.events.map(({ event }) => event)).not.toContain('cleaned')
})
