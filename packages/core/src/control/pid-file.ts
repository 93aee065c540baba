import { accessSync, constants, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { EndlessError, messageOf } from '../api/endless-error.js'

/** The file that names the pid of the generation that serves. */
export class PidFile {
  readonly path: string
  readonly #pid: number
  readonly #temporary: string
  #isPrepared = false
  #isOurs = false

  /** @throws `ERR_ENDLESS_PID_FILE` if its directory is missing or cannot be written to. */
  constructor(file: string, pid: number) {
    this.path = path.resolve(file)
    this.#pid = pid
    this.#temporary = `${this.path}.${String(pid)}.tmp`
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

  /**
   * Writes our pid beside the file, so that only a rename is left to do: what cannot be written is known before this
   * process serves.
   *
   * @throws `ERR_ENDLESS_PID_FILE`
   */
  prepare(): void {
    try {
      // 'wx' follows no symbolic link that somebody else has put there.
      rmSync(this.#temporary, { force: true })
      writeFileSync(this.#temporary, `${String(this.#pid)}\n`, { flag: 'wx', mode: 0o644 })
      this.#isPrepared = true
    } catch (cause) {
      throw this.#failure(cause)
    }
  }

  /**
   * Has the file name our pid in one step: a reader sees the old pid or the new one, never half a file.
   *
   * @throws `ERR_ENDLESS_PID_FILE`
   */
  write(): void {
    if (!this.#isPrepared) this.prepare()
    try {
      renameSync(this.#temporary, this.path)
      this.#isPrepared = false
      this.#isOurs = true
    } catch (cause) {
      throw this.#failure(cause)
    }
  }

  /**
   * Leaves the file to a successor that writes it: to read whose it is and to remove it are two steps,
   * and the successor may write in between.
   */
  leave(): void {
    this.#isOurs = false
  }

  /** Removes the file if we wrote it and it still names us, and what was prepared. */
  remove(): void {
    if (this.#isPrepared) this.#discard()
    if (!this.#isOurs) return
    this.#isOurs = false
    try {
      if (readFileSync(this.path, 'utf8').trim() === String(this.#pid)) rmSync(this.path)
    } catch {
      // Already gone, or no longer ours to read: nothing is left that could name us.
    }
  }

  #failure(cause: unknown): EndlessError {
    this.#discard()
    return new EndlessError(
      'ERR_ENDLESS_PID_FILE',
      `Cannot write the pid file ${this.path}: ${messageOf(cause)}.`,
      { cause },
    )
  }

  #discard(): void {
    this.#isPrepared = false
    try {
      rmSync(this.#temporary, { force: true })
    } catch {
      // What could not be written, as the directory has become read-only, is not there either.
    }
  }
}
