import { setTimeout as sleep } from 'node:timers/promises'
import type { Hold } from '../chaos/hold.js'
import type { Loss } from '../chaos/ledger.js'
import { whoAnswers } from '../chaos/who-answers.js'
import { isAlive } from '../program/processes.js'
import { until } from '../program/until.js'
import { createLoad, type Load } from '../traffic/load.js'
import { type Cell, isRelayed, scenarioOf } from './cells.js'
import { isLineFault, needsMount } from './faults.js'
import { Losses } from './losses.js'
import type { Breach, Outcome, Serving } from './outcome.js'
import type { Order } from './place.js'
import { isDeadly, promiseOf } from './promises.js'
import { type Files, Service } from './service.js'

/** A boot that hangs is given up after 15 s. */
const deadlineMs = 45_000
/** How long a process is stopped, and a disk is full. */
const haltMs = 3_000
/** How late a report of a process may be read. */
const lateMs = 1_000

/** Something that does not hold, and after which nothing more can be asked. */
class Broken extends Error {
  readonly breach: Breach

  constructor(breach: Breach, cause: unknown) {
    super(String((cause as Error | undefined)?.message ?? cause), { cause })
    this.breach = breach
  }
}

const afterFault = 'after the fault'

/** Starts a service, lets the fault happen in its moment, and looks at what became of it. */
export async function runCell(cell: Cell, files: Files): Promise<Outcome> {
  const beganMs = performance.now()
  const { workers } = scenarioOf(cell)
  const service = await Service.start({ files, workers, hasOwnDisk: needsMount(cell.fault) })
  const run = new CellRun(cell, service)
  try {
    return { ...(await run.run()), durationMs: Math.round(performance.now() - beganMs) }
  } finally {
    await service.end()
    await run.stopLoad()
  }
}

class CellRun {
  readonly #cell: Cell
  readonly #service: Service
  readonly #load: Load
  readonly #losses: Losses
  readonly #broken: Outcome['broken'] = []
  readonly #promised: ReturnType<typeof promiseOf>
  #before: readonly number[] = []
  #serving: Serving = 'nobody'
  #hold: Hold | undefined

  constructor(cell: Cell, service: Service) {
    this.#cell = cell
    this.#service = service
    this.#promised = promiseOf(cell)
    this.#losses = new Losses(service, this.#promised.excuses)
    this.#load = createLoad({
      port: service.port,
      keepAliveConnections: 20,
      freshPerSecond: 50,
      thinkMs: [50, 400],
      requestTimeoutMs: 30_000,
    })
  }

  async run(): Promise<Omit<Outcome, 'durationMs'>> {
    try {
      await this.#untilTheMoment()
      await this.#recover()
      if (this.#promised.ends) await this.#seeItEnd()
      else {
        await this.#lookWhoServes()
        await this.#restartOnce()
        await this.stopLoad()
        await this.#stop()
      }
    } catch (error) {
      if (!(error instanceof Broken)) throw error
      this.#break(error.breach, error.message)
    }
    return this.#outcome()
  }

  /** Resolves when the requests under way have ended. */
  async stopLoad(): Promise<void> {
    this.#hold?.end()
    await this.#load.stop()
  }

  async #untilTheMoment(): Promise<void> {
    const service = this.#service
    const { history, place, program } = service
    const scenario = scenarioOf(this.#cell)
    const onLost = (loss: Omit<Loss, 'atMs'>) => this.#losses.add({ ...loss, atMs: history.nowMs })
    this.#losses.beganMs = history.nowMs
    this.#load.start()
    await until(
      () => {
        const { answered, connections } = this.#load.snapshot()
        return answered >= 30 && connections.opened >= 20
      },
      { step: 'the load has begun', deadlineMs },
    )
    this.#hold = await scenario.prepare?.(service, onLost)
    await service.untilCalm('it is prepared', scenario.staying)
    this.#before = service.serving.map(({ pid }) => pid)
    const since = program.output.lines.length
    try {
      const order = orderOf(this.#cell)
      if (scenario.ends) this.#losses.toldToEndMs = history.nowMs
      scenario.trigger(service, () => {
        place.order(order)
      })
      const step = `the moment of ${this.#cell.id} comes`
      const { pid } = await program.waitForEvent('fault', { step, deadlineMs, since })
      history.note(`! ${this.#cell.fault.kind}: ${service.nameOf(pid)}`)
      this.#losses.befell(this.#cell.fault.kind, pid)
      // The fault is told before it comes, and read somewhat later.
      if (this.#promised.ends) this.#losses.toldToEndMs ??= history.nowMs - lateMs
    } catch (error) {
      throw new Broken('the moment did not come', error)
    }
  }

  /** Ends what the fault would otherwise go on with. */
  async #recover(): Promise<void> {
    const { kind } = this.#cell.fault
    const { place, program, ended } = this.#service
    const [pid = 0] = this.#losses.befallen
    if (kind === 'no descriptors' || kind === 'blocks') {
      const hasRecovered = () => program.events.some(({ event }) => event === 'recovered')
      const step = 'the fault is over'
      await until(() => ended.has(pid) || !isAlive(pid) || hasRecovered(), { step, deadlineMs })
    } else if (kind === 'stopped') {
      await sleep(haltMs)
      this.#service.signal('SIGCONT', pid)
    } else if (needsMount(this.#cell.fault)) {
      await sleep(haltMs)
      place.mend()
    } else if (isLineFault(kind)) {
      // A supervisor gives a generation that it cannot reach a second, and then ends it.
      await sleep(haltMs)
    }
    this.#losses.recoveredMs = this.#service.history.nowMs
  }

  /** Waits until nothing changes any more, then lets go of what kept the oldest generation. */
  async #settle(): Promise<void> {
    const service = this.#service
    const { workersAfter = [service.workers] } = scenarioOf(this.#cell)
    const explain = () => service.explain()
    const wait = { deadlineMs, everyMs: 100, explain }
    const isCalm = (staying?: number) =>
      workersAfter.some((count) => service.isCalm(staying, count))
    try {
      if (this.#hold) await until(() => isCalm(), { ...wait, step: 'those that are to serve do' })
      this.#hold?.end()
      await until(() => isCalm(0), { ...wait, step: 'only those live that serve' })
    } catch (error) {
      throw new Broken('it does not settle', error)
    }
  }

  async #lookWhoServes(): Promise<void> {
    await this.#settle()
    this.#serving = this.#whoServes()
    await this.#check(afterFault)
  }

  /** Checks that those answer that say that they serve, and that the pid file leads there. */
  async #check(when: string): Promise<void> {
    const service = this.#service
    const { serving, place } = service
    const pids = serving.map(({ pid }) => String(pid))
    const answers = await whoAnswers([service.port])
    const strangers = [...answers.keys()].filter((who) => !pids.includes(who))
    if (strangers.length > 0) {
      const told = [...answers].map(([who, times]) => `${times} by ${this.#name(who)}`).join(', ')
      this.#break('nobody or too many serve', `${when}: ${told}`)
    }
    const releases = new Set(serving.map(({ release }) => release))
    const mayMix = this.#promised.mixes && when === afterFault
    if (releases.size > 1 && !mayMix)
      this.#break('two versions serve', `${when}: ${[...releases].join(', ')}`)
    const { pidInFile } = place
    const expected = service.isSupervised ? [service.supervisor] : serving.map(({ pid }) => pid)
    if (!expected.includes(pidInFile)) {
      const told =
        pidInFile === undefined ? 'there is none' : `it says ${service.nameOf(pidInFile)}`
      this.#break('the pid file misleads', `${when}: ${told}`)
    }
  }

  async #restartOnce(): Promise<void> {
    const service = this.#service
    const old = service.serving.map(({ pid }) => pid)
    const count = scenarioOf(this.#cell).isRefilled ? service.workers : old.length
    service.place.release('3')
    if (service.isSupervised) service.signal('SIGHUP', service.supervisor)
    else for (const pid of old) service.signal('SIGHUP', pid)
    try {
      await until(
        () => service.isCalm(0, count) && service.serving.every(({ pid }) => !old.includes(pid)),
        { step: 'new ones serve', deadlineMs, everyMs: 100, explain: () => service.explain() },
      )
    } catch (error) {
      throw new Broken('the next restart fails', error)
    }
    await this.#check('after the next restart')
  }

  async #stop(): Promise<void> {
    const service = this.#service
    if (service.isSupervised) service.signal('SIGTERM', service.supervisor)
    else for (const { pid } of service.serving) service.signal('SIGTERM', pid)
    await this.#untilAllHaveEnded('the stop fails')
  }

  /** Waits for the end of a service that was told to end, while its clients go on. */
  async #seeItEnd(): Promise<void> {
    const { kind } = this.#cell.fault
    // The oldest may drain as long as its client stays.
    if (this.#hold) {
      await sleep(1_000)
      this.#hold.end()
    }
    this.#service.history.note(`* ends by ${kind}`)
    await this.#untilAllHaveEnded('it does not settle')
    await this.stopLoad()
  }

  async #untilAllHaveEnded(breach: Breach): Promise<void> {
    const service = this.#service
    try {
      await until(() => service.alive.length === 0, {
        step: 'all processes end',
        deadlineMs,
        everyMs: 100,
        explain: () => service.explain(),
      })
    } catch (error) {
      throw new Broken(breach === 'the stop fails' ? breach : 'processes left', error)
    }
    const { files } = service.place
    // What a process leaves that is killed, the next start takes over.
    const mayLeave = this.#promised.ends && isDeadly(this.#cell.fault.kind)
    if (!mayLeave && files.length > 0) this.#break('files left', files.join(', '))
  }

  #whoServes(): Serving {
    const service = this.#service
    const newest = Math.max(...this.#before.map((pid) => this.#generationOf(pid)))
    const kinds = service.serving.map(({ pid }): Serving => {
      if (this.#before.includes(pid)) return 'old'
      const distance = this.#generationOf(pid) - newest
      // A rollback leads to an older one.
      return distance <= 0 || distance === 1 ? 'new' : 'later'
    })
    const [first = 'nobody'] = kinds
    return kinds.every((kind) => kind === first) ? first : 'mixed'
  }

  #generationOf(pid: number): number {
    return this.#service.members.get(pid)?.generation ?? 0
  }

  #name(who: string): string {
    return /^\d+$/.test(who) ? this.#service.nameOf(Number(who)) : who
  }

  #break(breach: Breach, detail: string): void {
    this.#service.history.note(`!!! ${breach}: ${detail}`)
    this.#broken.push({ breach, detail })
  }

  async #outcome(): Promise<Omit<Outcome, 'durationMs'>> {
    const report = this.#load.snapshot()
    const service = this.#service
    await service.untilHeard()
    const { lost, closed, excused } = this.#losses.judge(report)
    if (lost.length > 0) this.#break('requests lost', `${lost.length}: ${first(lost)}`)
    if (closed.length > 0) this.#break('connections closed', `${closed.length}: ${first(closed)}`)
    const died = this.#losses.unexplainedDeaths()
    if (died.length > 0) this.#break('a process died by itself', died.join(', '))
    return {
      id: this.#cell.id,
      serving: this.#serving,
      lost: lost.length,
      closed: closed.length,
      excused,
      slowestMs: Math.round(report.latency.calm.maxMs),
      broken: this.#broken,
      history: service.history.toString(),
    }
  }
}

function first(losses: readonly Loss[]): string {
  return losses
    .slice(0, 3)
    .map(({ what, code = '', atMs }) => `${Math.round(atMs)} ms: ${what} ${code}`)
    .join('; ')
}

/** Returns what the processes are told: which of them sees the message when it should obey. */
function orderOf(cell: Cell): Order {
  const { type, moment, fault } = cell
  const { kind, victim } = fault
  const who = victim ?? moment.from
  const by = who === 'supervisor' ? 'supervisor' : 'generation'
  const sends =
    who === moment.from ||
    (who === 'supervisor' && !isRelayed(moment) && moment.from === 'supervisor')
  return { type, does: sends ? 'send' : 'receive', by, fault: kind, after: scenarioOf(cell).after }
}
