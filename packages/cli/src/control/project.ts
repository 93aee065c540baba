import { realpathSync } from 'node:fs'
import path from 'node:path'
import { findManifest, nameIn } from '@endless/core/for-cli'

// The project that a directory or a script belongs to, from which a service has its name.

/** A directory with a package.json that has a name. */
export interface Project {
  name: string
  directory: string
}

/** Finds the nearest package.json with a name, from a directory upwards; not one of an installed package. */
export function projectAt(start: string): Project | undefined {
  const manifest = findManifest(start, (each) => nameIn(each) !== undefined)
  return manifest && { name: nameIn(manifest) ?? '', directory: path.dirname(manifest.file) }
}

/** Finds the project of a script: where it is by name, else where its link leads to. */
export function projectOf(script: string): Project | undefined {
  return projectAt(script) ?? projectAt(realPath(script))
}

/** Whether two paths lead to one directory now: a release may be known by its own name, and by that of a link. */
export function isSameDirectory(one: string, other: string): boolean {
  return realPath(one) === realPath(other)
}

function realPath(name: string): string {
  try {
    return realpathSync(name)
  } catch {
    return name
  }
}
