import { readFileSync, realpathSync, statSync } from 'node:fs'
import path from 'node:path'

// The package.json of a project.

/** A package.json. */
export interface Manifest {
  /** Absolute. */
  file: string
  /** The user to whom it belongs. */
  uid: number
  content: Record<string, unknown>
}

/**
 * Finds the nearest package.json that `isIt` accepts, from a directory upwards; `start` may also be a file. Skips those of installed packages: `node_modules/next/dist/bin/next` is started for the project
 * around it.
 */
export function findManifest(
  start: string,
  isIt: (manifest: Manifest) => boolean,
): Manifest | undefined {
  for (let directory = start; ; directory = path.dirname(directory)) {
    const manifest = isInstalled(directory)
      ? undefined
      : readManifest(path.join(directory, 'package.json'))
    if (manifest && isIt(manifest)) return manifest
    if (directory === path.dirname(directory)) return undefined
  }
}

/** Returns the name in a package.json; `undefined` if it has none, as `dist/package.json` often has. */
export function nameIn({ content: { name } }: Manifest): string | undefined {
  return typeof name === 'string' && name.trim() !== '' ? name.trim() : undefined
}

/**
 * Finds the package.json with the options of a program: the nearest that has a name or the options.
 *
 * See docs/decisions.md, "The key of package.json belongs to the program"
 *
 * @param places where the program is, as `programPlaces` returns it
 * @param uid the user of this process; `undefined` on Windows
 */
export function findOptions(
  places: readonly string[],
  uid: number | undefined,
): Manifest | undefined {
  for (const place of places) {
    const trusted = [0, uid, statSync(place, { throwIfNoEntry: false })?.uid]
    const manifest = findManifest(
      place,
      (each) =>
        trusted.includes(each.uid) && ('endless' in each.content || nameIn(each) !== undefined),
    )
    if (manifest) return 'endless' in manifest.content ? manifest : undefined
  }
  return undefined
}

/**
 * Returns where a script is: by its name, with the links of its directory resolved, and where a link in its place
 * leads to. preload.ts and register.cts write this out.
 */
export function programPlaces(script: string): string[] {
  try {
    const { native } = realpathSync
    return [path.join(native(path.dirname(script)), path.basename(script)), native(script)]
  } catch {
    return [script]
  }
}

function isInstalled(directory: string): boolean {
  return directory.split(path.sep).includes('node_modules')
}

function readManifest(file: string): Manifest | undefined {
  try {
    const found = statSync(file)
    // A pipe in its place would never end.
    if (!found.isFile()) return undefined
    const content = JSON.parse(readFileSync(file, 'utf8')) as unknown
    return typeof content === 'object' && content !== null
      ? { file, uid: found.uid, content: content as Record<string, unknown> }
      : undefined
  } catch {
    return undefined // there is none, or it is not JSON, which Node reports better
  }
}
