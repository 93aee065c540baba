import type { Readable } from 'node:stream'
import { deferred, type WaitOptions, withDeadline } from './until.js'

export type Stream = 'stdout' | 'stderr'

export interface Line {
  stream: Stream
  text: string
}

/** Collects what a program prints, line by line, in the order in which it came. */
export class Output {
  readonly lines: Line[] = []
  readonly #listeners = new Set<(line: Line) => void>()

  read(stream: Stream, readable: Readable): void {
    let rest = ''
    readable.setEncoding('utf8')
    readable.on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\n')
      rest = parts.pop() ?? ''
      for (const text of parts) this.add({ stream, text })
    })
    readable.on('end', () => {
      if (rest) this.add({ stream, text: rest })
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

  /** Resolves with the first result of `find` that is not undefined, over old lines and then new ones. */
  async wait<T>(find: (line: Line) => T | undefined, since: number, wait: WaitOptions): Promise<T> {
    for (const line of this.lines.slice(since)) {
      const found = find(line)
      if (found !== undefined) return found
    }
    const { promise, resolve } = deferred<T>()
    const stop = this.onLine((line) => {
      const found = find(line)
      if (found !== undefined) resolve(found)
    })
    try {
      return await withDeadline(promise, { explain: () => this.toString(), ...wait })
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
