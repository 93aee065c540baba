import type { Readable } from 'node:stream'
import { deferred, type WaitOptions, withDeadline } from './until.js'

export type Stream = 'stdout' | 'stderr'

export interface Line {
  stream: Stream
  text: string
}

/** Collects the lines that a program prints, in the order of their arrival. */
export class Output {
  readonly lines: Line[] = []
  readonly #listeners = new Set<(line: Line) => void>()
  readonly #ended = deferred<undefined>()
  #open = 0

  read(stream: Stream, readable: Readable): void {
    let rest = ''
    this.#open++
    readable.setEncoding('utf8')
    readable.on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\n')
      rest = parts.pop() ?? ''
      for (const text of parts) this.add({ stream, text })
    })
    readable.on('end', () => {
      if (rest) this.add({ stream, text: rest })
    })
    readable.on('close', () => {
      // The reason why a program did not start arrives in the same turn, possibly after this event.
      if (--this.#open === 0) setImmediate(this.#ended.resolve, undefined)
    })
  }

  add(line: Line): void {
    this.lines.push(line)
    for (const listener of this.#listeners) listener(line)
  }

  onLine(listener: (line: Line) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Resolves with the first result of `find` that is not undefined, over the lines from index `since` on,
   * then over new lines.
   *
   * @throws Error at the deadline, or when every process that could print has ended
   */
  async wait<T>(find: (line: Line) => T | undefined, since: number, wait: WaitOptions): Promise<T> {
    for (const line of this.lines.slice(since)) {
      const found = find(line)
      if (found !== undefined) return found
    }
    const explained = { explain: () => this.toString(), ...wait }
    const { promise, resolve } = deferred<T>()
    const stop = this.onLine((line) => {
      const found = find(line)
      if (found !== undefined) resolve(found)
    })
    const ended = this.#ended.promise.then(() => {
      throw new Error(`${wait.step}: the program has ended\n${explained.explain()}`)
    })
    try {
      return await withDeadline(Promise.race([promise, ended]), explained)
    } finally {
      stop()
    }
  }

  text(stream: Stream): string {
    return this.lines
      .filter((line) => line.stream === stream)
      .map(({ text }) => `${text}\n`)
      .join('')
  }

  toString(): string {
    return this.lines.map(({ stream, text }) => `${stream} | ${text}`).join('\n') || '(no output)'
  }
}
