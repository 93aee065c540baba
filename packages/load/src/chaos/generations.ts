import { isAlive } from '../program/processes.js'
import type { Program, ProgramEvent } from '../program/program.js'
import type { Fate } from './operation.js'

// Which process serves, drains or boots, as far as the program reports it.

/** One process of the program that has reported. */
export interface Generation {
  readonly pid: number
  readonly number: number
  readonly parent: number
  readonly fate: Fate
  /** Whether it has ever served. */
  hasServed: boolean
  /** Whether a successor has ever taken over from it. */
  hasGivenWay: boolean
  /** Whether its event loop is blocked: what it was told, it does later. */
  isBlocked: boolean
  /** Whether it has yet to die as its fate says. */
  isDoomed: boolean
  /** Its exit code; `undefined` until it reports one, which a process that is killed never does. */
  exitCode: number | undefined
}

/** The generations of a program, by what they report. */
export class Generations {
  readonly #program: Program
  readonly #all = new Map<number, Generation>()
  #last: Generation | undefined

  constructor(program: Program) {
    this.#program = program
  }

  collect({ event, pid, generation, ...details }: ProgramEvent): void {
    if (event === 'boot') {
      const { parent, fate } = details as unknown as { parent: number; fate: Fate }
      const isDoomed = fate.dies === 'listening' || fate.dies === 'serving'
      const known = { hasServed: false, hasGivenWay: false, isBlocked: false, exitCode: undefined }
      this.#all.set(pid, { pid, number: Number(generation), parent, fate, isDoomed, ...known })
      return
    }
    const known = this.#all.get(pid)
    if (!known) return
    if (event === 'ready') {
      known.hasServed = true
      this.#last = known
    } else if (event === 'taken-over') known.hasGivenWay = true
    else if (event === 'blocks' || event === 'unblocked') known.isBlocked = event === 'blocks'
    else if (event === 'spared') known.isDoomed = false
    else if (event === 'exit') known.exitCode = Number(details['code'])
  }

  get all(): Generation[] {
    return [...this.#all.values()]
  }

  get living(): Generation[] {
    return this.all.filter(({ pid, exitCode }) => exitCode === undefined && isAlive(pid))
  }

  /** The one that reported last that it serves; `undefined` when it is dead. */
  get serving(): Generation | undefined {
    return this.living.find((each) => each === this.#last)
  }

  get draining(): Generation[] {
    return this.living.filter((each) => each.hasServed && each !== this.#last)
  }

  get booting(): Generation[] {
    return this.living.filter(({ hasServed }) => !hasServed)
  }

  /** Those that will do something by themselves: die, or what they were told while they were blocked. */
  get restless(): Generation[] {
    return this.living.filter(({ isBlocked, isDoomed, hasServed }) => {
      return isBlocked || (isDoomed && hasServed)
    })
  }

  /** Processes of the program that have not reported: they have not reached the program's first line. */
  unborn(supervisor: number | undefined): number[] {
    return this.#program.alive.filter((pid) => pid !== supervisor && !this.#all.has(pid))
  }

  find(pid: number): Generation | undefined {
    return this.#all.get(pid)
  }
}
