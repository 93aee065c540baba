import { statSync } from 'node:fs'
import path from 'node:path'
import type { Asker } from './asker.js'
import { Failure } from './failure.js'
import type { ServicePaths } from './locate.js'
import { type NamedService, namedServices } from './named-services.js'
import { isSameDirectory, projectAt } from './project.js'

// Finds the service that a command line means.

/** What a command line says of a service: its name, one of its paths, or nothing. */
export interface MeantService extends ServicePaths {
  name?: string | undefined
}

/** A question for a service: the command, and where and by whom it is asked. */
export interface Question {
  command: string
  directory: string
  asker: Asker
}

/**
 * Finds the service that is meant: by its path, by its name, or else by the directory in which the command was
 * given. See docs/decisions.md, "A directory means one service, or none"
 *
 * @throws (rejects) {Failure} if no service, or more than one, can be meant
 */
export async function find(meant: MeantService, question: Question): Promise<ServicePaths> {
  const { name, pidFile, control } = meant
  if (pidFile !== undefined || control !== undefined) {
    if (name === undefined) return { pidFile, control }
    throw new Failure(
      'misused',
      'say which service once: by its name, or by --pid-file or --control',
    )
  }
  if (question.asker.uid === undefined) {
    throw new Failure('misused', 'say which service: --pid-file <path> or --control <path>')
  }
  return name === undefined ? byDirectory(question) : byName(name, question)
}

/** Whether the directory in which a command was given means a service, be it one that does not run. */
export async function meansService({ directory, asker }: Question): Promise<boolean> {
  if (asker.uid === undefined || projectAt(directory)) return true
  const services = await namedServices(asker)
  return services.filter((each) => isIn(each, directory)).length === 1
}

async function byName(name: string, { command, asker }: Question): Promise<ServicePaths> {
  const [found] = await namedServices(asker, name)
  if (found) return { control: found.control }
  const option = pathOption(name)
  if (option !== undefined) {
    throw new Failure(
      'misused',
      `no service is named ${name}; if that is its path: endless ${command} ${option} ${name}`,
    )
  }
  throw new Failure(
    'absent',
    `no service of yours is named ${name}${alternatives(await namedServices(asker))}`,
  )
}

async function byDirectory({ command, directory, asker }: Question): Promise<ServicePaths> {
  const project = projectAt(directory)
  const services = await namedServices(asker)
  const here = services.filter((each) => isIn(each, project?.directory ?? directory))
  const names = here.map(({ name }) => name)
  if (!project) {
    const [only, ...others] = here
    if (only && others.length === 0) return { control: only.control }
    throw new Failure(
      'misused',
      `say which service: endless ${command} <name>` +
        (only ? ` (here run ${names.join(', ')})` : alternatives(services)),
    )
  }
  const { name } = project
  const found = here.find((each) => each.name === name)
  if (found) return { control: found.control }
  const elsewhere = services.find((each) => each.name === name)
  if (elsewhere) {
    const { told, control } = elsewhere
    if (told instanceof Failure) throw told
    throw new Failure(
      'absent',
      `${name} runs in ${told.supervisor?.directory ?? control} (pid ${String(told.pid)}), and not here; ` +
        `if it is meant: endless ${command} ${name}`,
    )
  }
  throw new Failure(
    'absent',
    names.length > 0
      ? `no service ${name} runs; here run ${names.join(', ')}: endless ${command} ${names[0] ?? ''}`
      : `no service ${name} runs${alternatives(services)}`,
  )
}

/** Whether a service was started for a directory; one that does not answer is left to its own name. */
function isIn({ told }: NamedService, directory: string): boolean {
  const own = told instanceof Failure ? undefined : told.supervisor?.directory
  return own !== undefined && isSameDirectory(own, directory)
}

/** Returns the option for a name that is rather the path of a pid file or a control socket. */
function pathOption(name: string): '--pid-file' | '--control' | undefined {
  if (name.endsWith('.sock') || isSocket(name)) return '--control'
  const isPath = name.startsWith('.') || path.isAbsolute(name)
  return isPath || name.endsWith('.pid') ? '--pid-file' : undefined
}

function isSocket(file: string): boolean {
  try {
    return statSync(file).isSocket()
  } catch {
    return false // nothing is there
  }
}

function alternatives(services: NamedService[]): string {
  if (services.length === 0) {
    return '; is it one with a path, say it: --pid-file <path> or --control <path>'
  }
  return `; there ${services.length === 1 ? 'is' : 'are'} ${services.map(({ name }) => name).join(', ')}`
}
