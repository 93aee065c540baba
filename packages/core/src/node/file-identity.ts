import { type BigIntStats, lstatSync } from 'node:fs'

// What a file is, whatever it is called: a name proves nothing.

/** Files that are older than their last change, wherever there is a time of birth. */
const oldFiles = ['/', '/proc/self', '/tmp']

let areBirthsKnown: boolean | undefined

/**
 * Returns the identity of the file at a path, `undefined` if there is none: `26:1204:1795479378359685964`.
 * See docs/decisions.md, "A path is known by device, inode and time of birth"
 */
export function identityAt(file: string): string | undefined {
  const stats = lstatSync(file, { bigint: true, throwIfNoEntry: false })
  return stats && identityOf(stats)
}

export function identityOf({ dev, ino, birthtimeNs }: BigIntStats): string {
  return [dev, ino, knowsBirths() ? birthtimeNs : 0].join(':')
}

/**
 * Whether the system tells when a file was born. Without statx(2), in an old kernel or a sandbox, libuv gives
 * the time of the last change instead (src/unix/fs.c, uv__fs_statx), which a link to the file changes.
 */
function knowsBirths(): boolean {
  return (areBirthsKnown ??= oldFiles.some((file) => {
    const stats = lstatSync(file, { bigint: true, throwIfNoEntry: false })
    return stats && stats.birthtimeNs !== stats.ctimeNs
  }))
}
