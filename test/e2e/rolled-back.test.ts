// Proves that a version which was rolled back cannot harm the one that serves again: not while it still has something to
// finish, not by what it leaves behind, and not if somebody else has an address that it had dropped.
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import {
  answersWith,
  connectRaw,
  eventOf as event,
  get,
  longProbation as long,
  startOnProbation as start,
  type Told,
  until,
} from '../helpers/index.js'

const deadlineMs = 30_000

/** Resolves when the status lists one generation: a supervisor hears of an end later than the kernel. */
async function servesAlone(pid: number, status: () => Promise<Told>): Promise<void> {
  const isIt = async () => {
    const { generations } = await status()
    return generations.length === 1 && generations[0]?.pid === pid
  }
  await until(isIt, { step: 'the status lists the old version alone', deadlineMs })
  expect((await status()).generations).toMatchObject([{ pid, state: 'running' }])
}

describe.each(['alone', 'under a supervisor'] as const)('a service %s', (how) => {
  test('serves on when the hammer falls on what the new version could not finish', async () => {
    const { program, first, port, ask, status, restart } = await start(how, {
      ...long,
      hammerTimeMs: 500,
    })
    const { pid } = await restart()
    const client = await connectRaw(port)
    client.request('/wait')
    await until(async () => (await answersWith(port)) === pid, { step: 'it serves', deadlineMs })
    await ask('POST', '/rollback')
    expect(await event(program, 'hammer', pid)).toMatchObject({ destroyed: 1 })
    await program.waitForEnd(pid, { step: 'the new version ends', deadlineMs })
    expect(await answersWith(port)).toBe(first.pid)
    await servesAlone(first.pid, status)
    expect((await restart('&probationMs=0')).number).toBe(1)
  })

  test('ends what the new version could not finish if it is hammered itself', async () => {
    const { program, port, ask, restart, endless } = await start(how)
    const { pid } = await restart()
    const client = await connectRaw(port)
    client.request('/wait')
    await until(async () => (await answersWith(port)) === pid, { step: 'it serves', deadlineMs })
    await ask('POST', '/rollback')
    expect(await endless('hammer')).toMatchObject({ code: 0 })
    expect(await event(program, 'hammer', pid)).toMatchObject({ destroyed: 1 })
    await program.waitForEnd(pid, { step: 'the new version ends', deadlineMs })
  })

  test('ends, also if the new version has begun to give back what it has, and is blocked for good then', async () => {
    const { program, first, port, ask, restart } = await start(how, {
      ...long,
      hammerTimeMs: 1_500,
    })
    const { pid } = await restart()
    await until(async () => (await answersWith(port)) === pid, { step: 'it serves', deadlineMs })
    const client = await connectRaw(port)
    client.request('/stall?1000')
    await event(program, 'waits', pid)
    await ask('POST', '/rollback')
    await event(program, 'rolled-back', pid)
    await restart('&probationMs=0')
    await program.waitForEnd(pid, { step: 'the blocked version is killed', deadlineMs })
    await program.waitForEnd(first.pid, { step: 'the old version ends', deadlineMs })
  })

  test('does not wait for an address that the new version had dropped, and somebody else has', async () => {
    const { program, first, port, ask, status, deploy, restart } = await start(
      how,
      { ...long, unclaimedGraceMs: 100 },
      { ports: 2 },
    )
    const dropped = Number(first.ports[1])
    deploy({ ports: 1 })
    const { pid } = await restart()
    await event(program, 'drain', first.pid)
    const other = net.createServer()
    await until(
      () =>
        new Promise((resolve) => {
          other.once('error', () => resolve(false))
          other.listen(dropped, '127.0.0.1', () => resolve(true))
        }),
      { step: 'another process has the address', deadlineMs },
    )
    expect(await ask('POST', '/rollback')).toEqual({ status: 200, body: {} })
    await program.waitForEnd(pid, { step: 'the new version ends', deadlineMs })
    await servesAlone(first.pid, status)
    expect(await answersWith(port)).toBe(first.pid)
    other.close()
    await once(other, 'close')
    await until(async () => (await answersWith(dropped).catch(() => 0)) === first.pid, {
      step: 'the address is served again',
      deadlineMs,
    })
    deploy({ ports: 2 })
    await restart('&probationMs=0')
    expect((await get(dropped)).body).toBe('generation 1')
  })

  test('restarts when the new version was told to by SIGHUP, and is rolled back meanwhile', async () => {
    const { program, first, ask, restart, pidInFile } = await start(how)
    await restart()
    program.signal('SIGHUP', pidInFile())
    await program.waitForLine(/the restart waits until it is proven/, {
      step: 'it waits',
      deadlineMs,
    })
    const since = program.output.lines.length
    await ask('POST', '/rollback')
    expect(await event(program, 'restarting', first.pid, since)).toMatchObject({ number: 1 })
  })
})

/** Restarts to a version that is blocked once it is ready, and waits until it is rolled back. */
async function isRolledBackBlocked(
  { program, deploy, ask }: Awaited<ReturnType<typeof start>>,
  blocksMs: number,
): Promise<number> {
  deploy({ ports: 1, blocksMs })
  const restarting = ask('POST', '/restart?probationMs=600000&maxBlockedMs=1000').catch(
    () => undefined, // the old version may be killed before it answers
  )
  await program.waitForLine(/generation 0 .* serves .* again/, { step: 'it serves', deadlineMs })
  await restarting
  const [, pid] = await program.waitForLine(/generation 1 \(pid (\d+)\)/, {
    step: 'it is named',
    deadlineMs,
  })
  return Number(pid)
}

test('pid file and control socket lead to the old version also when the new one wakes once it is rolled back', async () => {
  const service = await start('alone')
  const { program, first, port, pidInFile, status } = service
  const pid = await isRolledBackBlocked(service, 2_500)
  await program.waitForEnd(pid, { step: 'the new version ends', deadlineMs })
  await until(() => existsSync(service.pidFile) && pidInFile() === first.pid, {
    step: 'the pid file names the old version',
    deadlineMs,
  })
  expect(await answersWith(port)).toBe(first.pid)
  await servesAlone(first.pid, status)
})

test('an old version that dies while the new one is blocked for good is replaced', async () => {
  const service = await start('under a supervisor')
  const { program, first, port, deploy } = service
  const pid = await isRolledBackBlocked(service, 600_000)
  deploy({ ports: 1 })
  process.kill(first.pid, 'SIGKILL')
  const ready = await program.waitForEvent(
    (event) => event.event === 'ready' && ![first.pid, pid].includes(event.pid),
    { step: 'its replacement serves', deadlineMs },
  )
  expect(await answersWith(port)).toBe(ready.pid)
  await program.waitForEnd(pid, { step: 'the blocked version is killed', deadlineMs })
})

test('a service that was told to end ends, also if the new version, which was told, is rolled back', async () => {
  const { program, first, port, ask, restart } = await start('alone', {
    ...long,
    shutdownDelayMs: 60_000,
  })
  const { pid } = await restart()
  await event(program, 'ready', pid)
  process.kill(pid, 'SIGTERM')
  await program.waitForLine(/accepts for another 60 s/, { step: 'it waits', deadlineMs })
  await ask('POST', '/rollback')
  await program.waitForEnd(pid, { step: 'the new version ends', deadlineMs })
  await program.waitForLine(new RegExp(`endless ${first.pid}\\] shutting down:`), {
    step: 'the old version is told',
    deadlineMs,
  })
  expect(await answersWith(port)).toBe(first.pid)
})
