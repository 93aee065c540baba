import type { ServiceStatus } from '@endless/core/for-cli'
import type { Asker } from './asker.js'
import { Client } from './client.js'
import { exitStatuses, Failure } from './failure.js'
import { type NamedSocket, namedSockets } from './named-sockets.js'

// The services of a user that have names, and live.

/** A service that has a name, and lives. */
export interface NamedService extends NamedSocket {
  /** Its status, or why it cannot be asked. */
  told: ServiceStatus | Failure
}

/** Lists the user's services that live, by name; all of them, or those of one name. */
export async function namedServices(asker: Asker, wanted?: string): Promise<NamedService[]> {
  const services = await Promise.all(
    namedSockets(asker, wanted).map(async (socket) => ({
      ...socket,
      told: await ask(socket, asker),
    })),
  )
  return services
    .filter(({ told }) => !isGone(told))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
}

async function ask({ control }: NamedSocket, asker: Asker): Promise<ServiceStatus | Failure> {
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
