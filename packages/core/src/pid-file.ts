import { accessSync, constants, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { EndlessError, messageOf } from './errors.js'

/** The file that names the pid of the generation that serves. */
export class PidFile {
  readonly path: string
  readonly #pid: number
  #isOurs = false

  /** @throws `ERR_ENDLESS_PID_FILE` if its directory is missing or cannot be written to. */
  constructor(file: string, pid: number) {
    this.path = path.resolve(file)
    this.#pid = pid
    try {
      // With the separator a file in its place is refused, too.
      accessSync(path.dirname(this.path) + path.sep, constants.W_OK)
    } catch (cause) {
      throw new EndlessError(
        'ERR_ENDLESS_PID_FILE',
        `Cannot keep a pid file at ${this.path}: its directory is missing or not writable. ` +
          'Create it, or give another pidFile.',
        { cause },
      )
    }
  }

  /** Writes our pid in one step: a reader sees the old pid or the new one, never half a file. */
  write(): void {
    const temporary = `${this.path}.${String(this.#pid)}.tmp`
    try {
      // 'wx' follows no symbolic link that somebody else has put there.
      rmSync(temporary, { force: true })
      writeFileSync(temporary, `${String(this.#pid)}\n`, { flag: 'wx', mode: 0o644 })
      renameSync(temporary, this.path)
      this.#isOurs = true
    } catch (cause) {
      rmSync(temporary, { force: true })
      throw new EndlessError(
        'ERR_ENDLESS_PID_FILE',
        `Cannot write the pid file ${this.path}: ${messageOf(cause)}.`,
        { cause },
      )
    }
  }

  /**
   * Leaves the file to a successor that writes it: to read whose it is and to remove it are two steps,
   * and the successor may write in between.
   */
  leave(): void {
    this.#isOurs = false
  }

  /** Removes the file if we wrote it and it still names us. */
  remove(): void {
    if (!this.#isOurs) return
    this.#isOurs = false
    try {
      if (readFileSync(this.path, 'utf8').trim() === String(this.#pid)) rmSync(this.path)
    } catch {
      // Already gone, or no longer ours to read: nothing is left that could name us.
    }
  }
}
