/** Who runs a task: a process, which may be frozen or dead. */
export interface Owner {
  readonly isDead: boolean
  readonly isFrozen: boolean
  /** Called before each of its tasks. */
  enter(): void
  /** Keeps a task that is due while it is frozen. */
  keep(task: Task): void
}

/** Something that is to happen at a time. */
export interface Task {
  atMs: number
  readonly order: number
  readonly owner: Owner | undefined
  readonly isTimer: boolean
  run: (() => void) | undefined
}

// Node's own: the world replaces the global ones.
const { setImmediate: turn } = globalThis

/**
 * Time that passes only from task to task. Each task runs in a turn of its own, with all that its promises and ticks
 * bring; so what runs until the next task is of the same process.
 */
export class Clock {
  nowMs = 0
  tasks = 0
  /** Called after each task. */
  onTask: () => void = () => undefined
  #order = 0
  readonly #heap: Task[] = []

  /** Lets something happen at a time, after all that is to happen at the same time already. */
  at(atMs: number, owner: Owner | undefined, run: () => void, isTimer = false): Task {
    const task = { atMs: Math.max(atMs, this.nowMs), order: this.#order++, owner, isTimer, run }
    this.#push(task)
    return task
  }

  after(delayMs: number, owner: Owner | undefined, run: () => void): Task {
    return this.at(this.nowMs + delayMs, owner, run)
  }

  /** Lets something happen now, in a turn of its own. */
  soon(owner: Owner | undefined, run: () => void): Task {
    return this.at(this.nowMs, owner, run)
  }

  /** Adds a task of a process that was frozen. */
  again({ owner, isTimer, run }: Task): void {
    if (run) this.at(this.nowMs, owner, run, isTimer)
  }

  /** Runs task after task; resolves when none is left before a time, or `isOver` says so. */
  run(untilMs: number, isOver: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const next = (): void => {
        const task = isOver() ? undefined : this.#next(untilMs)
        if (!task) {
          resolve()
          return
        }
        turn(next)
        this.tasks++
        const { run } = task
        task.run = undefined
        task.owner?.enter()
        try {
          run?.()
        } finally {
          this.onTask()
        }
      }
      turn(next)
    })
  }

  /** Lets what is due in ticks and promises happen, and nothing else. */
  settle(): Promise<void> {
    return new Promise((resolve) => turn(resolve))
  }

  #next(untilMs: number): Task | undefined {
    for (;;) {
      const task = this.#heap[0]
      if (!task || task.atMs > untilMs) return undefined
      this.#pop()
      if (!task.run || task.owner?.isDead) continue
      this.nowMs = task.atMs
      if (!task.owner?.isFrozen) return task
      task.owner.keep(task)
    }
  }

  #push(task: Task): void {
    const heap = this.#heap
    let at = heap.push(task) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above]
      if (!parent || isBefore(parent, task)) break
      heap[at] = parent
      at = above
    }
    heap[at] = task
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      const [left, right] = [heap[below], heap[below + 1]]
      if (!left) break
      const child = right && isBefore(right, left) ? right : left
      if (child === right) below++
      if (isBefore(last, child)) break
      heap[at] = child
      at = below
    }
    heap[at] = last
  }
}

function isBefore(one: Task, other: Task): boolean {
  return one.atMs === other.atMs ? one.order < other.order : one.atMs < other.atMs
}
