import { readFileSync, realpathSync, statSync } from 'node:fs'
import path from 'node:path'

// The project that a directory or a script belongs to, from which a service has its name.

/** A directory with a package.json that has a name. */
export interface Project {
  name: string
  directory: string
}

/**
 * Finds the nearest package.json with a name, from a directory upwards. Skips those without a name, as
 * `dist/package.json` often is, and those of installed packages: `node_modules/next/dist/bin/next` is started
 * for the project around it.
 */
export function projectAt(start: string): Project | undefined {
  for (let directory = start; ; directory = path.dirname(directory)) {
    const name = isInstalled(directory) ? undefined : nameIn(path.join(directory, 'package.json'))
    if (name !== undefined) return { name, directory }
    if (directory === path.dirname(directory)) return undefined
  }
}

/** Finds the project of a script: where it is by name, else where its link leads to. */
export function projectOf(script: string): Project | undefined {
  return projectAt(path.dirname(script)) ?? projectAt(path.dirname(realPath(script)))
}

/** Whether two paths lead to one directory now: a release may be known by its own name, and by that of a link. */
export function isSameDirectory(one: string, other: string): boolean {
  return realPath(one) === realPath(other)
}

function isInstalled(directory: string): boolean {
  return directory.split(path.sep).includes('node_modules')
}

function nameIn(file: string): string | undefined {
  try {
    // A pipe in its place would never end.
    if (!statSync(file).isFile()) return undefined
    const { name } = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown }
    return typeof name === 'string' && name.trim() !== '' ? name.trim() : undefined
  } catch {
    return undefined // there is none, or it is not JSON, which Node reports better
  }
}

function realPath(name: string): string {
  try {
    return realpathSync(name)
  } catch {
    return name
  }
}
