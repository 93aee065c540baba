import { readdirSync } from 'node:fs'
import path from 'node:path'
import type { Asker } from './asker.js'
import { directoriesToSearch } from './directories.js'

// The control sockets of named services: files of their names.

const ending = '.sock'

/** A socket at which a service of a name is, or was until it was killed. */
export interface NamedSocket {
  name: string
  control: string
}

/**
 * Returns the file name of a service's socket: `@shop/api` is `@shop%2Fapi.sock`. A name cannot leave its
 * directory, nor hide in it.
 */
export function socketNameOf(name: string): string {
  // A lone surrogate, which cannot be encoded, becomes U+FFFD.
  const wellFormed = Buffer.from(name).toString()
  return encodeURIComponent(wellFormed).replaceAll('%40', '@').replace(/^\./, '%2E') + ending
}

/** Lists the sockets of the user's services; all of them, or those of one name. */
export function namedSockets(asker: Asker, wanted?: string): NamedSocket[] {
  const file = wanted === undefined ? undefined : socketNameOf(wanted)
  return directoriesToSearch(asker).flatMap((directory) =>
    filesIn(directory).flatMap((found) => {
      const name = file === undefined || file === found ? nameOf(found) : undefined
      return name === undefined ? [] : [{ name, control: path.join(directory, found) }]
    }),
  )
}

/** Returns the name of a socket's service; `undefined` for a file that is none of ours. */
function nameOf(file: string): string | undefined {
  if (!file.endsWith(ending)) return undefined
  try {
    const name = decodeURIComponent(file.slice(0, -ending.length))
    return socketNameOf(name) === file ? name : undefined
  } catch {
    return undefined
  }
}

function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return [] // removed since it was looked at, as at the end of a login
  }
}
