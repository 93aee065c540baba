import { setTimeout as sleep } from 'node:timers/promises'
import { deferred } from '../program/until.js'
import type { Generation } from './generations.js'
import { Hold } from './hold.js'
import type { Loss } from './ledger.js'
import { describe, type Fate, type Operation, type Step, type Target } from './operation.js'
import type { Service } from './service.js'
import { ask } from './who-answers.js'

/** Does to a service what a plan says. */
export class Actor {
  readonly #service: Service
  readonly #port: number
  readonly #onLoss: (loss: Loss) => void
  readonly #paused = new Map<number, NodeJS.Timeout>()
  readonly #blocks = new Set<Promise<unknown>>()
  #holds: Hold[] = []
  /** What `timesReady` was when the generation that served was killed and only one other could follow it. */
  #killedAt: number | undefined
  #fate: Fate = {}

  constructor(service: Service, onLoss: (loss: Loss) => void) {
    this.#service = service
    this.#port = service.ports[0] ?? 0
    this.#onLoss = onLoss
  }

  async perform(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      await this.#wait(step)
      this.#act(step.operation)
    }
  }

  /** Undoes what lasts, other than the holds: lets all processes run, and mends the release. */
  async relent(): Promise<void> {
    this.#release({})
    for (const pid of [...this.#paused.keys()]) this.#resume(pid)
    await Promise.all(this.#blocks)
  }

  /** Ends the streams and tunnels, so that what drains can end. */
  letGo(): void {
    for (const hold of this.#holds) hold.end()
    this.#holds = []
  }

  async #wait({ at, afterMs }: Step): Promise<void> {
    if (!at) return sleep(afterMs)
    const { promise, resolve } = deferred<undefined>()
    const timer = setTimeout(() => resolve(undefined), afterMs)
    const stop = this.#service.program.onEvent(({ event }) => {
      if (event === at) resolve(undefined)
    })
    await promise
    clearTimeout(timer)
    stop()
    this.#note(`at the event '${at}', or after ${afterMs} ms:`)
  }

  #act(operation: Operation): void {
    const service = this.#service
    const what = describe(operation)
    switch (operation.kind) {
      case 'hang-up':
        this.#hangUp(operation.to)
        return
      case 'storm':
        for (const to of operation.to) this.#hangUp(to)
        return
      case 'command':
        this.#note(what)
        service.command(operation.args)
        return
      case 'pause':
        this.#pause(operation.target, operation.forMs)
        return
      case 'kill':
        this.#kill(operation.target)
        return
      case 'release':
        this.#note(`${what}${this.#release(operation.fate) ? '' : ': not now'}`)
        return
      case 'hold': {
        const { how, forMs } = operation
        this.#note(what)
        const onLost = (loss: Omit<Loss, 'atMs'>) =>
          this.#onLoss({ ...loss, atMs: service.history.nowMs })
        this.#holds.push(new Hold(this.#port, { how, forMs, onLost }))
        return
      }
      case 'block': {
        this.#note(what)
        const { afterMs, forMs } = operation
        // It is answered, if not by a process that dies meanwhile, before it blocks.
        const over = ask(this.#port, `/block?after=${afterMs}&ms=${forMs}`, 20_000).then(() =>
          sleep(afterMs + forMs),
        )
        this.#blocks.add(over)
        void over.then(() => this.#blocks.delete(over))
      }
    }
  }

  #hangUp(to: Target): void {
    const { service, pid } = this.#find(to)
    if (pid === undefined) return
    const generation = service.generations.find(pid)
    // It ends a process that does not catch it yet: not the only one that can follow.
    const isBoot = generation ? !generation.hasServed : pid !== service.supervisor
    if (isBoot && !this.#mayDie(pid)) {
      this.#note(`SIGHUP to ${service.nameOf(pid)}: not now`)
      return
    }
    const isThere = service.signal(pid, 'SIGHUP')
    this.#note(`SIGHUP to ${service.nameOf(pid)}${isThere ? '' : ', which is gone'}`)
  }

  #pause(target: Target, forMs: number): void {
    const { service, pid } = this.#find(target)
    if (pid === undefined || this.#paused.has(pid) || !service.signal(pid, 'SIGSTOP')) return
    this.#note(`SIGSTOP to ${service.nameOf(pid)} for ${forMs} ms`)
    this.#paused.set(
      pid,
      setTimeout(() => this.#resume(pid), forMs),
    )
  }

  #resume(pid: number): void {
    clearTimeout(this.#paused.get(pid))
    this.#paused.delete(pid)
    if (this.#service.signal(pid, 'SIGCONT')) {
      this.#note(`SIGCONT to ${this.#service.nameOf(pid)}`)
    }
  }

  #kill(target: Target): void {
    const { service, pid } = this.#find(target)
    if (pid === undefined || pid === service.supervisor) return
    if (!this.#mayDie(pid)) {
      this.#note(`SIGKILL to ${service.nameOf(pid)}: not now, nothing could follow`)
      return
    }
    const wasServing = service.generations.serving?.pid === pid
    if (wasServing && service.supervisor === undefined) this.#killedAt = service.timesReady
    this.#note(`SIGKILL to ${service.nameOf(pid)}`)
    service.kill(pid)
  }

  #release(fate: Fate): boolean {
    const service = this.#service
    const { serving } = service.generations
    const needsHeir = isDeadly(fate) && service.supervisor === undefined
    if (needsHeir && !(serving && this.#isHeld(serving.pid))) return false
    this.#fate = needsHeir && serving ? { ...fate, of: serving.pid } : fate
    service.release(this.#fate)
    return true
  }

  /**
   * Whether a process may die without being the end of the service: always under a supervisor. Alone, another
   * generation must be there, and bound to stay, that can follow it or already has.
   */
  #mayDie(pid: number): boolean {
    const { generations, supervisor, timesReady } = this.#service
    if (supervisor !== undefined) return true
    if (this.#killedAt === timesReady) return false
    if (isDeadly(this.#fate) || generations.living.some(({ fate }) => isDeadly(fate))) return false
    const { serving } = generations
    if (!serving) return false
    const generation = generations.find(pid)
    // What has not reported may be about to take over.
    if (!generation) return this.#isHeld(serving.pid)
    if (generation === serving) return this.#hasHeir(serving)
    return generation.hasServed || this.#isHeld(generation.parent)
  }

  #hasHeir(serving: Generation): boolean {
    const { booting, draining } = this.#service.generations
    // A successor has all it needs once the program's first line runs.
    const isNext = booting.some(({ parent, fate }) => parent === serving.pid && !fate.dies)
    // See docs/lifecycle.md, `shutting-down`: not once the successor has been succeeded itself.
    const isBehind =
      !serving.hasGivenWay &&
      draining.some(({ pid }) => pid === serving.parent) &&
      this.#isHeld(serving.parent)
    return isNext || isBehind
  }

  /** Whether a generation drains, or will, until the round has settled. */
  #isHeld(pid: number): boolean {
    return this.#holds.some((hold) => hold.isForEver && hold.isOpen && hold.pid === pid)
  }

  #find({ role, pick }: Target): { service: Service; pid: number | undefined } {
    const service = this.#service
    const { generations, supervisor } = service
    const choose = (pids: readonly number[]) => pids[Math.floor(pick * pids.length)]
    const pidsOf = (living: readonly Generation[]) => living.map(({ pid }) => pid)
    const find = (): number | undefined => {
      switch (role) {
        case 'file':
          return service.pidInFile
        case 'serving':
          return generations.serving?.pid
        case 'draining':
          return choose(pidsOf(generations.draining))
        case 'oldest':
          return generations.living[0]?.pid
        case 'booting':
          return choose([...pidsOf(generations.booting), ...generations.unborn(supervisor)])
        case 'any':
          return choose([...pidsOf(generations.living), ...generations.unborn(supervisor)])
        case 'supervisor':
          return supervisor
      }
    }
    const pid = find()
    if (pid === undefined) this.#note(`(nobody is ${role})`)
    return { service, pid }
  }

  #note(what: string): void {
    this.#service.history.note(`* ${what}`)
  }
}

/** Whether a generation may be the one that serves when it dies of this. */
function isDeadly({ dies }: Fate): boolean {
  return dies === 'listening' || dies === 'serving'
}
