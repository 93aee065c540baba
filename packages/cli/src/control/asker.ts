// The user who runs a command.

/** The user who runs the command; `uid` is `undefined` on Windows. */
export interface Asker {
  uid: number | undefined
  /** `$XDG_RUNTIME_DIR`, as it was given. */
  runtimeDirectory?: string | undefined
}

/** Returns the user of this process. */
export function currentAsker(): Asker {
  return { uid: process.geteuid?.(), runtimeDirectory: process.env['XDG_RUNTIME_DIR'] }
}
