import {
  EndlessError,
  generationName,
  type Question as Asked,
  type ToSupervisor,
  turns,
} from '@endless/core/for-cli'
import { type Death, describeDeath } from './death.js'
import type { Generation } from './generation.js'

// The questions that the supervisor asks its generations.

type Reply = Extract<ToSupervisor, { type: 'answer' | 'refusal' }>

interface Question {
  to: Generation
  timer: NodeJS.Timeout | undefined
  resolve: (value: unknown) => void
  reject: (error: Error) => void
}

/** Questions to generations, until they are answered. */
export class Questions {
  readonly #open = new Map<number, Question>()
  #lastId = 0

  /**
   * Asks a generation, and resolves with its answer.
   *
   * @throws (rejects) if the generation refuses
   * @throws (rejects) `ERR_ENDLESS_REQUEST_FAILED` if it dies first
   * @throws (rejects) `ERR_ENDLESS_UNRESPONSIVE` if it does not answer within `withinMs`
   */
  ask(to: Generation, asked: Asked, withinMs?: number): Promise<unknown> {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      const late = async (): Promise<void> => {
        // If this process was blocked, the timer is first, and the answer waits in the kernel.
        await turns(2)
        if (this.#open.delete(id)) reject(unresponsive(to))
      }
      // Referenced: a caller waits for the answer.
      const timer = withinMs === undefined ? undefined : setTimeout(() => void late(), withinMs)
      this.#open.set(id, { to, timer, resolve, reject })
      void to.send({ ...asked, type: 'ask', id })
    })
  }

  answer(from: Generation, reply: Reply): void {
    const question = this.#open.get(reply.id)
    if (question?.to !== from) return
    this.#open.delete(reply.id)
    clearTimeout(question.timer)
    if (reply.type === 'answer') question.resolve(reply.value)
    else {
      // Field by field: a generation may send further ones.
      const { message, name, code, pid, exitCode, signal, stderr } = reply.error
      const details = { name, code, pid, exitCode, signal, stderr }
      question.reject(Object.assign(new Error(message), details))
    }
  }

  ended(generation: Generation, death: Death): void {
    for (const [id, { to, timer, reject }] of this.#open) {
      if (to !== generation) continue
      this.#open.delete(id)
      clearTimeout(timer)
      reject(asksNobody(generation, death))
    }
  }
}

function asksNobody(generation: Generation, death: Death): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_REQUEST_FAILED',
    `No answer: ${generationName(generation)} ${describeDeath(death, 'brackets')} first. ` +
      'See the status, then ask again.',
    { pid: generation.pid, exitCode: death.code, signal: death.signal, stderr: death.stderr },
  )
}

function unresponsive(generation: Generation): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_UNRESPONSIVE',
    `No answer from ${generationName(generation)}: its event loop is blocked. Nothing was changed.`,
  )
}
