/** A process that has answered. */
export interface AnsweringProcess {
  pid: number
  /** How many restarts had begun when it first answered: 0 for the processes before the first restart. */
  generation: number
  /** Milliseconds since the rehearsal began. */
  firstAnswerMs: number
  lastAnswerMs: number
  answers: number
}

/** The processes that have answered, in the order of their first answers. */
export class ProcessLog {
  readonly all: AnsweringProcess[] = []
  readonly #indices = new Map<number, number>()

  /** Counts an answer; returns the index of the process. */
  answered(pid: number, nowMs: number, generation: number): number {
    const known = this.#indices.get(pid)
    const process = known === undefined ? undefined : this.all[known]
    if (known === undefined || !process) {
      this.#indices.set(pid, this.all.length)
      return (
        this.all.push({ pid, generation, firstAnswerMs: nowMs, lastAnswerMs: nowMs, answers: 1 }) -
        1
      )
    }
    process.answers++
    process.lastAnswerMs = nowMs
    return known
  }

  /** The process that answered first after a restart; undefined until then. */
  firstOf(generation: number): AnsweringProcess | undefined {
    return this.all.find((process) => process.generation === generation)
  }
}
