import path from 'node:path'
import type { Service } from '@endless/core/for-cli'
import { ControlSocket, pathProblem } from '@endless/core/for-cli-later'
import type { Asker } from '../../control/asker.js'
import { directoriesToKeep, makeDirectory } from '../../control/directories.js'
import { Failure } from '../../control/failure.js'
import { type NamedService, namedServices } from '../../control/named-services.js'
import { socketNameOf } from '../../control/named-sockets.js'
import { stateOf } from '../../control/service-state.js'

// Claims the name of a service, by a control socket.
// See docs/decisions.md, "A name is a socket in a directory of the user's own"

/**
 * Claims a name for a service: opens its control socket.
 *
 * @throws (rejects) {Failure} if a service of this name runs
 * @throws (rejects) if no socket can be kept for it
 */
export async function claimName(
  name: string,
  service: Service,
  asker: Asker,
): Promise<ControlSocket> {
  await mustBeFree(name, asker)
  const control = new ControlSocket(placeFor(name, asker), service)
  try {
    await control.open()
  } catch (error) {
    // Started at the same moment: the other one was faster.
    await mustBeFree(name, asker)
    throw error
  }
  return control
}

/** Looks in all directories of the user: another login may have kept the socket in another one. */
async function mustBeFree(name: string, asker: Asker): Promise<void> {
  const [running] = await namedServices(asker, name)
  if (!running) return
  throw new Failure('misused', `${name} is ${whyTaken(running)}`)
}

function whyTaken({ told }: NamedService): string {
  if (told instanceof Failure) return `already running, and cannot be asked: ${told.message}`
  const pid = `pid ${String(told.pid)}`
  if (stateOf(told) === 'ending') {
    return `still ending (${pid}): wait until it has ended (endless stop), or use endless hammer`
  }
  const where = told.supervisor ? ` in ${told.supervisor.directory}` : ''
  return `already running${where} (${pid}); use endless restart`
}

/**
 * Returns the path for a name: in the first of the user's directories that can be used, and that has room for it.
 *
 * @throws with the reason for each directory
 */
function placeFor(name: string, asker: Asker): string {
  if (name.trim() === '') throw new Error('a name has at least one character')
  const reasons: string[] = []
  for (const directory of directoriesToKeep(asker)) {
    const file = path.join(directory, socketNameOf(name))
    const problem = pathProblem(file)
    const reason =
      problem === undefined ? makeDirectory(directory, asker.uid ?? 0) : `${file}: ${problem}`
    if (reason === undefined) return file
    reasons.push(reason)
  }
  throw new Error(reasons.join('; ') || 'there are no names on this platform')
}
