import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

// Temporary directories, and `@endless/core` installed in them.

const core = fileURLToPath(new URL('../../packages/core', import.meta.url))

/** Creates a directory that is removed at the end of the test. Its path contains no symbolic link. */
export function temporaryDirectory(): string {
  const directory = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'endless-test-')))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Makes `@endless/core` importable below a directory: as a link to the tested package, or as a copy. */
export function installCore(directory: string, how: 'link' | 'copy' = 'link'): string {
  const target = path.join(directory, 'node_modules/@endless/core')
  mkdirSync(path.dirname(target), { recursive: true })
  if (how === 'link') {
    symlinkSync(core, target)
  } else {
    for (const part of ['package.json', 'dist']) {
      cpSync(path.join(core, part), path.join(target, part), { recursive: true })
    }
  }
  return target
}
