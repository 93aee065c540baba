import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive } from '../program/processes.js'
import { until } from '../program/until.js'
import type { Command } from './command.js'
import type { Generation } from './generations.js'
import type { Loss } from './ledger.js'
import type { Service } from './service.js'
import { type Invariant, Violation } from './violation.js'
import { whoAnswers } from './who-answers.js'

// What must hold whenever a service has had time to settle.

/** A boot that hangs is given up after 5 s, and killed 2 s later; two can come one after the other. */
const settleMs = 25_000
/** What a restart of a service takes that nothing disturbs, on a busy machine. */
const restartMs = 15_000
const endMs = 15_000
/** As long as several restarts in a row, of which each may hang. */
const commandMs = 30_000
/** So long nothing is reported when nothing happens any more: longer than any step of a restart takes. */
const stillMs = 500

/** Waits until no generation boots, is blocked or has yet to die, and nothing changes any more. */
export async function settle(service: Service): Promise<void> {
  const done = () => service.untilCommandsAreDone()
  await within('settles', service, 'all commands are done', done, commandMs)
  let hastened = false
  let calmSinceMs = service.history.nowMs
  await wait('settles', service, 'one serves and none boots', settleMs, () => {
    const { generations, supervisor, history, lastEventMs } = service
    const { nowMs } = history
    // The end of a boot is seen before what it leads to is reported: that is waited for, too.
    const isBusy = generations.booting.length > 0 || generations.restless.length > 0
    if (isBusy || generations.unborn(supervisor).length > 0) calmSinceMs = nowMs
    if (nowMs - Math.max(lastEventMs, calmSinceMs) < stillMs) return false
    if (generations.serving) return true
    // A supervisor starts a program again that has died often, after up to 30 s; a restart hastens it. Before its
    // first generation it may not catch signals yet.
    if (supervisor !== undefined && generations.all.length > 0 && !hastened) {
      hastened = true
      history.note('* nothing serves: SIGHUP to the supervisor')
      service.signal(supervisor, 'SIGHUP')
    }
    return false
  })
}

/** Checks who answers, and that the file and `endless status` say so; returns the pid. */
export async function checkThatOneServes(service: Service): Promise<number> {
  const answers = await whoAnswers(service.addresses)
  const told = [...answers]
    .map(([who, times]) => `${times} by ${/^\d+$/.test(who) ? service.nameOf(Number(who)) : who}`)
    .join(', ')
  const pid = Number([...answers.keys()][0])
  if (answers.size !== 1 || Number.isNaN(pid)) throw new Violation('exactly one serves', told)
  const { pidInFile } = service
  if (pidInFile !== service.pidFor(pid)) {
    const what = `${service.nameOf(pid)} answers, the file says ${String(pidInFile)}`
    throw new Violation('its pid is in the file', what)
  }
  await checkStatus(service, pid)
  return pid
}

async function checkStatus(service: Service, pid: number): Promise<void> {
  const { code, said } = await service.command(['status', '--json']).ended
  const complain = (what: string) =>
    new Violation('status tells it', `${service.nameOf(pid)} answers; ${what}`)
  if (code !== 0) throw complain(`endless status ended with ${String(code)}: ${said}`)
  const { generations } = JSON.parse(said) as { generations: { pid: number; state: string }[] }
  const serving = generations.filter(({ state }) => state === 'running')
  if (serving.length === 1 && serving[0]?.pid === pid) return
  const states = generations.map((each) => `${service.nameOf(each.pid)} ${each.state}`)
  throw complain(`endless status says: ${states.join(', ')}`)
}

/** Restarts by a signal or a command, and checks that a new process serves, alone. */
export async function checkThatARestartWorks(
  service: Service,
  old: number,
  how: 'signal' | 'command',
): Promise<void> {
  const { timesReady, history, generations } = service
  history.note(`* the next restart, by ${how}`)
  if (how === 'signal') service.signal(service.pidFor(old), 'SIGHUP')
  else {
    const { code, said } = await service.command(['restart']).ended
    if (code !== 0) throw new Violation('the next restart works', `exit ${String(code)}: ${said}`)
  }
  await wait('the next restart works', service, 'a new generation serves', restartMs, () => {
    const { serving } = generations
    return service.timesReady > timesReady && serving !== undefined && serving.pid !== old
  })
  await settle(service)
  const pid = await checkThatOneServes(service)
  if (pid === old) throw new Violation('the next restart works', 'the old generation answers')
}

/** Checks that all have ended that drained; nothing keeps them any more. */
export async function checkThatWhatDrainsEnds(service: Service): Promise<void> {
  const { generations, supervisor } = service
  await wait('what drains ends', service, 'one generation is left', endMs, () => {
    const pids = service.program.alive.filter((pid) => pid !== supervisor)
    return pids.length === 1 && pids[0] === generations.serving?.pid
  })
  await within('settles', service, 'all commands end', () => service.untilCommandsEnd(), commandMs)
}

export function checkThatNothingIsLost(service: Service, losses: readonly Loss[]): void {
  const unexplained = losses.filter((loss) => service.ledger.explain(loss) === undefined)
  if (unexplained.length === 0) return
  const told = unexplained.slice(0, 10).map((loss) => {
    const holders = service.ledger
      .holdersOf(loss)
      .map(({ pid, atMs }) => `${service.nameOf(pid)} since ${Math.round(atMs)} ms`)
    const whose = holders.length > 0 ? holders.join(', then ') : 'nobody'
    return `\n  ${Math.round(loss.atMs)} ms: ${loss.what} ${loss.code ?? ''} (it was with ${whose})`
  })
  throw new Violation('nothing is lost', `${unexplained.length} losses${told.join('')}`)
}

/** Checks that each generation that has served and is gone exited with 0, if it was not killed. */
export async function checkThatNothingDiedByItself(service: Service): Promise<void> {
  const isUnheard = ({ pid, hasServed, exitCode }: Generation) =>
    hasServed && exitCode === undefined && !service.ledger.isVictim(pid) && !isAlive(pid)
  // The last report of a process may be read after its end is seen.
  const heard = until(() => !service.generations.all.some(isUnheard), {
    step: 'the last reports are read',
    deadlineMs: 1_000,
  })
  await heard.catch(() => undefined)
  for (const { pid, hasServed, exitCode } of service.generations.all) {
    if (!hasServed || exitCode === 0 || service.ledger.isVictim(pid)) continue
    if (exitCode === undefined && isAlive(pid)) continue
    const how = exitCode === undefined ? 'was killed' : `exited with ${exitCode}`
    throw new Violation('nothing dies by itself', `${service.nameOf(pid)} ${how}`)
  }
}

/** Stops the service, and checks that no process and no file is left. */
export async function checkThatStopLeavesNothing(
  service: Service,
  how: 'signal' | 'command',
): Promise<void> {
  const { history, pidInFile, program } = service
  history.note(`* stop, by ${how}`)
  let command: Command | undefined
  if (how === 'command') command = service.command(['stop'])
  else if (pidInFile === undefined || !service.signal(pidInFile, 'SIGTERM')) {
    const what = `the file says ${String(pidInFile)}, and no process of the service has that pid`
    throw new Violation('its pid is in the file', what)
  }
  await wait('stop leaves nothing', service, 'all processes end', settleMs, () => {
    return program.alive.length === 0
  })
  await within('settles', service, 'all commands end', () => service.untilCommandsEnd(), commandMs)
  const result = await command?.ended
  if (result && result.code !== 0) {
    throw new Violation('stop leaves nothing', `exit ${String(result.code)}: ${result.said}`)
  }
  const { files } = service
  if (files.length > 0) throw new Violation('stop leaves nothing', `files: ${files.join(', ')}`)
}

async function wait(
  invariant: Invariant,
  service: Service,
  step: string,
  deadlineMs: number,
  check: () => boolean,
): Promise<void> {
  await within(
    invariant,
    service,
    step,
    () => until(check, { step, deadlineMs, everyMs: 50 }),
    deadlineMs + 1_000,
  )
}

async function within(
  invariant: Invariant,
  service: Service,
  step: string,
  act: () => Promise<unknown>,
  deadlineMs: number,
): Promise<void> {
  const timeout = new AbortController()
  const late = sleep(deadlineMs, 'late' as const, { signal: timeout.signal }).catch(() => 'late')
  try {
    if ((await Promise.race([act(), late])) !== 'late') return
  } catch {
    // The deadline of the wait itself: told below, with the processes that are left.
  } finally {
    timeout.abort()
  }
  const { generations, program, supervisor } = service
  const processes = program.alive.map((pid) => {
    const known = generations.find(pid)
    const role = known?.hasServed ? (known === generations.serving ? 'serves' : 'drains') : 'boots'
    return pid === supervisor ? service.nameOf(pid) : `${service.nameOf(pid)} ${role}`
  })
  throw new Violation(
    invariant,
    `not so within ${deadlineMs} ms: ${step}. Alive: ${processes.join(', ') || 'none'}`,
  )
}
