// Proves that exactly one generation serves when the one in the middle dies: its predecessor still drains,
// its successor boots, and the death of one process is not a permission for two.
import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import {
  type FixtureOptions,
  type GateEvent,
  get,
  openGate,
  type Program,
  startFixture,
  superviseFixture,
  temporaryDirectory,
  waitForGate,
} from '../helpers/index.js'

const deadlineMs = 15_000

interface Three {
  program: Program
  port: number
  /** Their pids, from the oldest. */
  pids: [number, number, number]
  /** The request that keeps the oldest draining. */
  held: Promise<{ body: string }>
  answerHeld: () => Promise<void>
  /** Lets the newest boot. */
  boot: () => Promise<void>
}

/** Starts three generations: one drains, one serves, one boots. */
async function startThree(program: Program): Promise<Three> {
  const first = await program.waitForGeneration(0, { deadlineMs })
  const { port = 0 } = first
  const held = get(port, '/wait')
  const answer = await waitForGate(program, 0, 'answer')
  program.signal('SIGHUP')
  await openGate(await waitForGate(program, 1))
  const second = await program.waitForGeneration(1, { deadlineMs })
  program.signal('SIGHUP', program.pid === first.pid ? second.pid : program.pid)
  const boot = await waitForGate(program, 2)
  return {
    program,
    port,
    pids: [first.pid, second.pid, boot.pid],
    held,
    answerHeld: () => openGate(answer),
    boot: () => openGate(boot),
  }
}

/** Asks by many new connections, and returns the generations that answered. */
async function whoServes(port: number): Promise<string[]> {
  const answers = await Promise.all(Array.from({ length: 40 }, () => get(port)))
  return [...new Set(answers.map(({ headers }) => String(headers['x-generation'])))]
}

async function isReadyAgain(program: Program, pid: number, since: number): Promise<void> {
  await program.waitForEvent((event) => event.event === 'ready' && event.pid === pid, {
    step: `${pid} serves again`,
    deadlineMs,
    since,
  })
}

type Start = (fixture: string, options?: FixtureOptions) => Program

/** Starts a program with two servers; `serving` returns the process to signal. */
async function startTwo(start: Start, broken: string) {
  const program = start('dies-at-ready.mjs', { args: [broken] })
  const { pid, ports } = (await program.waitForGeneration(0, { deadlineMs })) as unknown as {
    pid: number
    ports: number[]
  }
  const isAlone = pid === program.pid
  return { program, ports, serving: () => (isAlone ? program.current.pid : program.pid) }
}

test('the newest serves if the oldest was blocked while that took over, and hears of all of it at once', async () => {
  const program = startFixture('boots-when-told.mjs')
  const oldest = await program.waitForGeneration(0, { deadlineMs })
  const { port = 0 } = oldest
  const first = get(port, '/wait', { deadlineMs })
  const answerFirst = await waitForGate(program, 0, 'answer')
  const since = program.output.lines.length
  const second = get(port, '/wait', { deadlineMs })
  const another = { step: 'another request waits', deadlineMs, since }
  const answerSecond = await program.waitForEvent<GateEvent>('gate', another)
  program.signal('SIGHUP')
  await openGate(await waitForGate(program, 1))
  const middle = await program.waitForGeneration(1, { deadlineMs })
  program.signal('SIGSTOP', oldest.pid)
  program.signal('SIGHUP', middle.pid)
  await openGate(await waitForGate(program, 2))
  await program.waitForGeneration(2, { deadlineMs })
  program.signal('SIGKILL', middle.pid)
  await program.waitForEnd(middle.pid, { step: 'the middle ends', deadlineMs })
  program.signal('SIGCONT', oldest.pid)
  // One answer shows that it has heard of the end of the middle; the other request keeps it until then.
  await openGate(answerFirst)
  await first
  await openGate(answerSecond)
  expect((await second).body).toBe('generation 0')
  await program.waitForEnd(oldest.pid, { step: 'the oldest ends', deadlineMs })
  expect(await whoServes(port)).toEqual(['2'])
})

test('a stop is not lost on an older generation that is blocked: the exit waits until that has heard of it', async () => {
  const program = startFixture('boots-when-told.mjs')
  const oldest = await program.waitForGeneration(0, { deadlineMs })
  const { port = 0 } = oldest
  const held = get(port, '/wait', { deadlineMs })
  const answer = await waitForGate(program, 0, 'answer')
  program.signal('SIGHUP')
  await openGate(await waitForGate(program, 1))
  const middle = await program.waitForGeneration(1, { deadlineMs })
  program.signal('SIGSTOP', oldest.pid)
  // The oldest is given a line to the newest, which it does not acknowledge: nothing more reaches it meanwhile.
  program.signal('SIGHUP', middle.pid)
  await waitForGate(program, 2)
  const since = program.output.lines.length
  program.signal('SIGTERM', middle.pid)
  const isDrain = (event: { event: string; pid: number }) =>
    event.event === 'drain' && event.pid === middle.pid
  await program.waitForEvent(isDrain, { step: 'the middle drains', deadlineMs, since })
  const ended = program.waitForEnd(middle.pid, { step: 'the middle ends', deadlineMs })
  expect(await Promise.race([ended.then(() => 'ended'), sleep(1_500, 'waits')])).toBe('waits')
  program.signal('SIGCONT', oldest.pid)
  await ended
  await openGate(answer)
  expect((await held).body).toBe('generation 0')
  await program.waitForEnd(oldest.pid, { step: 'the oldest ends', deadlineMs })
  expect(program.output.text('stderr')).not.toContain('takes over again')
})

describe.each<[string, Start]>([
  ['alone', startFixture],
  ['supervised', superviseFixture],
])('%s', (_, start) => {
  test('the oldest serves again, and what booted ends', async () => {
    const { program, port, pids, held, answerHeld } = await startThree(start('boots-when-told.mjs'))
    const since = program.output.lines.length
    program.signal('SIGKILL', pids[1])
    await isReadyAgain(program, pids[0], since)
    await program.waitForEnd(pids[2], { step: 'the newest ends', deadlineMs })
    expect(await whoServes(port)).toEqual(['0'])
    await answerHeld()
    expect((await held).body).toBe('generation 0')
    program.signal('SIGHUP')
    const [next] = await Promise.all([
      program.waitForEvent((event) => event.event === 'gate' && event.pid !== pids[2], {
        step: 'another successor boots',
        deadlineMs,
        since,
      }),
    ])
    await openGate(next as never)
    await program.waitForEnd(pids[0], { step: 'the oldest ends', deadlineMs })
    expect(await whoServes(port)).toEqual(['1'])
  })

  test('the oldest serves again if the middle one has taken over again, and dies then', async () => {
    const { program, port, pids, held, answerHeld, boot } = await startThree(
      start('boots-when-told.mjs'),
    )
    const lost = get(port, '/wait').catch(() => 'it was inside')
    await waitForGate(program, 1, 'answer')
    await boot()
    await program.waitForGeneration(2, { deadlineMs })
    const since = program.output.lines.length
    program.signal('SIGKILL', pids[2])
    await isReadyAgain(program, pids[1], since)
    expect(await whoServes(port)).toEqual(['1'])
    program.signal('SIGKILL', pids[1])
    await isReadyAgain(program, pids[0], since)
    expect(await lost).toBe('it was inside')
    expect(await whoServes(port)).toEqual(['0'])
    await answerHeld()
    expect((await held).body).toBe('generation 0')
  })

  test('the newest serves if the oldest has exited meanwhile', async () => {
    const { program, port, pids, held, answerHeld, boot } = await startThree(
      start('boots-when-told.mjs'),
    )
    await answerHeld()
    await held
    await program.waitForEnd(pids[0], { step: 'the oldest ends', deadlineMs })
    program.signal('SIGKILL', pids[1])
    await program.waitForEnd(pids[1], { step: 'the middle ends', deadlineMs })
    await boot()
    expect(await whoServes(port)).toEqual(['2'])
  })

  test('the newest serves if the oldest cannot answer, which then does not serve again', async () => {
    const { program, port, pids, held, answerHeld, boot } = await startThree(
      start('boots-when-told.mjs'),
    )
    program.signal('SIGSTOP', pids[0])
    program.signal('SIGKILL', pids[1])
    await program.waitForEnd(pids[1], { step: 'the middle ends', deadlineMs })
    await boot()
    expect(await whoServes(port)).toEqual(['2'])
    program.signal('SIGCONT', pids[0])
    await answerHeld()
    expect((await held).body).toBe('generation 0')
    await program.waitForEnd(pids[0], { step: 'the oldest ends', deadlineMs })
    expect(await whoServes(port)).toEqual(['2'])
  })

  test('a successor that dies when it is ready, before its blocked predecessor hears of it, costs no listener', async () => {
    const broken = path.join(temporaryDirectory(), 'broken')
    const { program, ports, serving } = await startTwo(start, broken)
    // An older generation that drains holds copies of the sockets too.
    program.signal('SIGHUP', serving())
    await program.waitForGeneration(1, { deadlineMs })
    writeFileSync(broken, '')
    program.signal('SIGHUP', serving())
    const ready = await waitForGate(program, 2)
    const blocked = get(ports[0]!, '/block')
    await openGate(ready)
    await program.waitForEnd(ready.pid, { step: 'the successor dies', deadlineMs })
    await blocked
    await program.waitForEvent('restart-failed', { step: 'the restart fails', deadlineMs })
    for (const port of ports) expect(await whoServes(port)).toEqual(['1'])
    rmSync(broken)
    program.signal('SIGHUP', serving())
    await program.waitForGeneration(2, { deadlineMs })
    for (const port of ports) expect(await whoServes(port)).toEqual(['2'])
  })
})
