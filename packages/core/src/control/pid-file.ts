import { randomBytes } from 'node:crypto'
import {
  accessSync,
  constants,
  linkSync,
  lstatSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { EndlessError, messageOf } from '../api/endless-error.js'
import { currentUid, type System } from '../node/system.js'
import { temporaryPrefix } from '../node/temporaries.js'
import { inTurn } from '../node/turn.js'
import { readPid } from './read-pid.js'

/** How often a file is looked at anew that others write meanwhile. */
const mostLooks = 5

/** What a {@link PidFile} needs from the process. */
export type PidFileWorld = Pick<System, 'pid' | 'isClusterWorker' | 'stillRuns'>

/**
 * The file that holds the pid of the generation that serves. One that names another living process is left
 * alone. See docs/decisions.md, "A pid file of another living process is left alone"
 */
export class PidFile {
  readonly path: string
  readonly #world: PidFileWorld
  readonly #parentPid: number | undefined
  /** Pid of the successor that the file was left to. */
  #successorPid: number | undefined
  /** File beside it that holds our pid, and only has to be renamed. */
  #temporary: string | undefined
  #isOurs = false

  /**
   * @param parentPid pid of the predecessor or the supervisor, whose file this may be as well
   * @throws `ERR_ENDLESS_PID_FILE` if its directory is missing or not writable
   */
  constructor(file: string, world: PidFileWorld, parentPid?: number) {
    this.path = path.resolve(file)
    this.#world = world
    this.#parentPid = parentPid
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
   * Checks that the file is not another living process's.
   *
   * @throws `ERR_ENDLESS_PID_FILE` if it is
   */
  check(): void {
    this.#look()
  }

  /**
   * Writes the pid to a temporary file, so that only a rename is left to do: if the pid cannot be
   * written, that shows before this process serves.
   *
   * @throws `ERR_ENDLESS_PID_FILE`
   */
  prepare(): void {
    this.#look()
    try {
      mustBeReplaceable(this.path)
      this.#temporary ??= this.#writeTemporary()
    } catch (cause) {
      throw this.#failure(cause)
    }
  }

  /**
   * Replaces the file in one step, unless it names this process: a reader sees the old pid or the new pid, never
   * half a file.
   *
   * @throws `ERR_ENDLESS_PID_FILE`
   */
  write(): void {
    if (this.#isOurs && this.#namesUs) return
    this.prepare()
    try {
      for (let look = 0; !this.#put(); look++) {
        if (look === mostLooks) throw new Error('another process writes it again and again')
      }
      this.#isOurs = true
    } catch (cause) {
      throw cause instanceof EndlessError ? cause : this.#failure(cause)
    } finally {
      this.#discard()
    }
  }

  /**
   * Leaves the file to a successor that writes it. {@link remove} reads the pid and removes the file in
   * two steps, and the successor may write in between. This process may take the file back while it lives.
   */
  leave(pid?: number): void {
    this.#successorPid = pid
    this.#isOurs = false
  }

  /** Removes the file if this process wrote it and it still holds our pid; also the temporary file. */
  remove(): void {
    this.#discard()
    if (!this.#isOurs) return
    this.#isOurs = false
    try {
      if (this.#namesUs) rmSync(this.path)
    } catch {
      // Already gone, or no longer ours to read: no file is left for this process to remove.
    }
  }

  get #namesUs(): boolean {
    try {
      return readPid(this.path)?.pid === this.#world.pid
    } catch {
      return false // it cannot be read, so this process has not written it
    }
  }

  /**
   * Looks at whose the file is.
   *
   * @throws `ERR_ENDLESS_PID_FILE` if it names another living process
   */
  #look(): 'none' | 'ours' | 'stale' {
    let named: ReturnType<typeof readPid>
    try {
      named = readPid(this.path)
    } catch (cause) {
      throw this.#failure(cause)
    }
    if (!named) return lstatSync(this.path, { throwIfNoEntry: false }) ? 'stale' : 'none'
    const { pid, writtenMs } = named
    // In a cluster, each worker has the options of all.
    const family = [this.#world.pid, this.#parentPid, this.#successorPid]
    const isOurs = family.includes(pid) || this.#world.isClusterWorker
    if (isOurs) return 'ours'
    if (!this.#world.stillRuns(pid, writtenMs)) return 'stale'
    this.#discard()
    throw new EndlessError(
      'ERR_ENDLESS_PID_FILE',
      `Cannot keep a pid file at ${this.path}: it names process ${String(pid)}, which runs. ` +
        'Stop that process, or give another pidFile. If it does not keep this file, remove the file.',
      { pid },
    )
  }

  /** Gives the temporary file its name; returns whether that was done, or is to be tried again. */
  #put(): boolean {
    const { path: file } = this
    const temporary = (this.#temporary ??= this.#writeTemporary())
    switch (this.#look()) {
      case 'ours':
        renameSync(temporary, file)
        return true
      case 'stale':
        // Two processes that start at once must not both take it.
        return (
          inTurn(file, () => {
            if (this.#look() !== 'stale') return false
            renameSync(temporary, file)
            return true
          }) ?? false
        )
      case 'none':
        return linkFirst(temporary, file)
    }
  }

  #writeTemporary(): string {
    // A random name: another user could have taken one that can be guessed. And no longer than a name may be.
    const name = `${temporaryPrefix(this.#world.pid)}${randomBytes(8).toString('hex')}.tmp`
    const temporary = path.join(path.dirname(this.path), name)
    // Before it is written: on a full disk an empty file remains, which has to be removed.
    this.#temporary = temporary
    // 'wx' follows no link, and replaces nothing.
    writeFileSync(temporary, `${String(this.#world.pid)}\n`, { flag: 'wx', mode: 0o644 })
    return temporary
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
    const temporary = this.#temporary
    this.#temporary = undefined
    if (temporary === undefined) return
    try {
      rmSync(temporary, { force: true })
    } catch {
      // The directory has become read-only: the temporary file could not be written there either.
    }
  }
}

/**
 * Throws what renaming to a path would: a process that is about to take over has to know before it does.
 *
 * @throws `EISDIR`, `EPERM`
 */
function mustBeReplaceable(file: string): void {
  const found = lstatSync(file, { throwIfNoEntry: false })
  if (!found) return
  if (found.isDirectory()) throw fileError('EISDIR', 'it is a directory')
  const uid = currentUid()
  const directory = statSync(path.dirname(file))
  const isSticky = (directory.mode & 0o1000) !== 0
  if (isSticky && uid !== undefined && ![0, found.uid, directory.uid].includes(uid)) {
    throw fileError('EPERM', `it belongs to another user (uid ${String(found.uid)})`)
  }
}

function fileError(code: string, text: string): Error {
  return Object.assign(new Error(`${code}: ${text}`), { code })
}

/** Gives a file a name that is free; returns `false` if it is not any more. */
function linkFirst(temporary: string, file: string): boolean {
  try {
    linkSync(temporary, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    renameSync(temporary, file) // no hard links here
  }
  return true
}
