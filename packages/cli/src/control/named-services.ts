import { readdirSync } from 'node:fs'
import path from 'node:path'
import type { ServiceStatus } from '@endless/core/for-cli'
import type { Asker } from './asker.js'
import { Client } from './client.js'
import { directoriesToSearch } from './directories.js'
import { exitStatuses, Failure } from './failure.js'

// The services of a user, by their names.

const ending = '.sock'

/** A service that has a name, and lives. */
export interface NamedService {
  name: string
  /** Path of its control socket. */
  control: string
  /** Its status, or why it cannot be asked. */
  told: ServiceStatus | Failure
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

/** Lists the user's services that live, by name; all of them, or those of one name. */
export async function namedServices(asker: Asker, wanted?: string): Promise<NamedService[]> {
  const sockets = directoriesToSearch(asker).flatMap((directory) => socketsIn(directory, wanted))
  const services = await Promise.all(
    sockets.map(async ({ name, control }) => ({ name, control, told: await ask(control, asker) })),
  )
  return services
    .filter(({ told }) => !isGone(told))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
}

function socketsIn(directory: string, wanted?: string): { name: string; control: string }[] {
  const isWanted = wanted === undefined ? undefined : socketNameOf(wanted)
  return filesIn(directory).flatMap((file) => {
    const name = nameOf(file)
    if (name === undefined || (isWanted !== undefined && file !== isWanted)) return []
    return [{ name, control: path.join(directory, file) }]
  })
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

async function ask(control: string, asker: Asker): Promise<ServiceStatus | Failure> {
  try {
    return await new Client({ control }, asker).status()
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
}

/** Whether a socket is one that a dead process has left. */
function isGone(told: ServiceStatus | Failure): boolean {
  return told instanceof Failure && told.exitStatus === exitStatuses.absent
}
