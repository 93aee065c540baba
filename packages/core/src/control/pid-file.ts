import { accessSync, constants, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { EndlessError, messageOf } from '../api/endless-error.js'

/** The file that holds the pid of the generation that serves. */
export class PidFile {
  readonly path: string
  readonly #pid: number
  readonly #temporary: string
  #isPrepared = false
  #isOurs = false

  /** @throws `ERR_ENDLESS_PID_FILE` if its directory is missing or not writable */
  constructor(file: string, pid: number) {
    this.path = path.resolve(file)
    this.#pid = pid
    this.#temporary = this.#temporaryOf(pid)
    try {
      // With the separator at the end, a file in place of the directory is refused too.
      accessSync(path.dirname(this.path) + path.sep, constants.W_OK)
    } catch (cause) {
      throw new EndlessError(
        'ERR_ENDLESS_PID_FILE',
        `Cannot keep a pid file at ${this.path}: its directory is missing or not writable. ` +
          'Create it or make it writable, or give another pidFile.',
        { cause },
      )
    }
  }

  /**
   * Writes the pid to a temporary file, so that only a rename is left to do: if the pid cannot be
   * written, that shows before this process serves.
   *
   * @throws `ERR_ENDLESS_PID_FILE`
   */
  prepare(): void {
    try {
      // 'wx' does not follow a symbolic link that another user has put there.
      rmSync(this.#temporary, { force: true })
      writeFileSync(this.#temporary, `${String(this.#pid)}\n`, { flag: 'wx', mode: 0o644 })
      this.#isPrepared = true
    } catch (cause) {
      throw this.#failure(cause)
    }
  }

  /**
   * Replaces the file in one step: a reader sees the old pid or the new pid, never half a file.
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
   * Leaves the file to a successor that writes it. {@link remove} reads the pid and removes the file in
   * two steps, and the successor may write in between.
   */
  leave(): void {
    this.#isOurs = false
  }

  /** Removes the file if this process wrote it and it still holds our pid; also the temporary file. */
  remove(): void {
    if (this.#isPrepared) this.#discard()
    if (!this.#isOurs) return
    this.#isOurs = false
    try {
      if (readFileSync(this.path, 'utf8').trim() === String(this.#pid)) rmSync(this.path)
    } catch {
      // Already gone, or no longer ours to read: no file is left for this process to remove.
    }
  }

  /** Removes what another process has prepared at the same path, and was killed before it could write it. */
  clearAfter(pid: number): void {
    try {
      rmSync(this.#temporaryOf(pid), { force: true })
    } catch {
      // The directory has become read-only: that process could not prepare anything there either.
    }
  }

  #temporaryOf(pid: number): string {
    return `${this.path}.${String(pid)}.tmp`
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
      // The directory has become read-only: the temporary file could not be written there either.
    }
  }
}
