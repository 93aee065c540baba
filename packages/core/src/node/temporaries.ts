import { lstatSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { currentUid } from './system.js'

// Files and directories that a process makes beside a path, and removes at once: by their name it is known whose
// they are, so that another process can remove them after a SIGKILL.

/** Returns how the names of the temporary files and directories of a process begin. */
export function temporaryPrefix(pid: number): string {
  return `.endless-${String(pid)}-`
}

/** Removes from a directory what a process that was killed has left there. */
export function clearTemporaries(directory: string, pid: number): void {
  try {
    for (const name of readdirSync(directory)) {
      const file = path.join(directory, name)
      if (!name.startsWith(temporaryPrefix(pid)) || lstatSync(file).uid !== currentUid()) continue
      // Into a directory of ours that nobody else may write, no link leads elsewhere; and `rm` follows none.
      rmSync(file, { recursive: true })
    }
  } catch {
    // The directory cannot be read or written any more, or somebody else removes the file.
  }
}
