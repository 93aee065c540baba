import { existsSync, realpathSync } from 'node:fs'
import path from 'node:path'
import type { SuccessorOptions } from '../api/options.js'
import type { SpawnRequest } from '../handoff/protocol.js'
import type { System } from '../node/system.js'
import { type EntryRequest, withEntry } from './entry.js'

/** The directory where this process was started, by both its names if it is behind a symbolic link. */
export interface Origin {
  /** As the user named it: `/srv/current`. */
  logical: string
  /** As the kernel knows it: `/srv/releases/41`. */
  physical: string
}

/**
 * Finds the directory where this process was started. `process.cwd()` has its links resolved. `PWD` keeps
 * them, but may be stale: it counts only if it names the same directory now. Otherwise the path of the
 * script may show a link. See docs/decisions.md, "The working directory keeps its logical name"
 *
 * @param remembered the logical directory that the predecessor passed on; '' if there is none
 * @param script the path of the script as it was named; '' if there is none
 * @param physical the directory as the kernel knows it
 */
export function findOrigin(
  system: System,
  remembered: string,
  {
    script = scriptOf(system) ?? '',
    physical = system.startDirectory,
  }: { script?: string; physical?: string } = {},
): Origin {
  const given = remembered !== '' ? remembered : (system.env['PWD'] ?? '')
  const named = path.isAbsolute(given) ? path.resolve(given) : ''
  const tells = named !== physical && realPath(named) === physical
  const logical = tells ? named : namedByScript(physical, script)
  // A link that was switched since the start leads elsewhere now, but is still the name.
  return { logical: logical === physical && remembered !== '' ? remembered : logical, physical }
}

/**
 * Returns the name of a directory that the path of a script shows: for `/srv/releases/41` and the script
 * `/srv/current/app.js` that is `/srv/current`. Returns `physical` if the path has no such link.
 */
function namedByScript(physical: string, script: string): string {
  if (!path.isAbsolute(script)) return physical
  for (let named = script; named !== path.dirname(named); named = path.dirname(named)) {
    const real = realPath(named)
    if (real !== undefined && real !== named && isAtOrBelow(physical, real)) {
      return named + physical.slice(real.length)
    }
  }
  return physical
}

/** Returns the directory to which relative paths of the application refer now, by its logical name. */
export function currentDirectory(system: System, { logical, physical }: Origin): string {
  try {
    const directory = system.cwd()
    return directory === physical ? logical : directory
  } catch {
    return logical // the directory has been deleted
  }
}

/** Resolves the links of an absolute path; `undefined` if nothing is there, or the path is relative. */
function realPath(name: string): string | undefined {
  if (!path.isAbsolute(name)) return undefined
  try {
    return realpathSync(name)
  } catch {
    return undefined
  }
}

function isAtOrBelow(name: string, directory: string): boolean {
  return name === directory || name.startsWith(directory + path.sep)
}

/**
 * Returns how to start a successor: as this process was started, with the user's overrides.
 * See docs/decisions.md, "Directory and script follow the same link"
 */
export function createLaunch(
  system: System,
  origin: Origin,
  entry: Omit<EntryRequest, 'isNode' | 'isText' | 'hidden'>,
  environment: NodeJS.ProcessEnv,
  override: SuccessorOptions = {},
): SpawnRequest {
  // See docs/decisions.md, "An inspected process passes `--inspect-port=0`"
  const inspectorPort = system.execArgv.some((option) => option.startsWith('--inspect'))
    ? ['--inspect-port=0'] // this process still has the port: Node would exit with code 12
    : []
  const found = scriptOf(system)
  const script = found === undefined ? undefined : throughLink(found, origin, override.cwd)
  const moved = (option: string): string => optionThroughLink(option, origin)
  const { NODE_OPTIONS: options } = environment
  const program = script === undefined ? argumentsOf(system) : [script, ...system.argv.slice(2)]
  const command = override.command ?? system.execPath
  return withEntry(
    {
      command,
      args: override.args ?? [...system.execArgv.map(moved), ...inspectorPort, ...program],
      cwd: override.cwd ?? startDirectory(origin, script),
      env: override.env ?? {
        ...environment,
        ...(options !== undefined && { NODE_OPTIONS: moved(options) }),
      },
    },
    {
      ...entry,
      isNode: command === system.execPath && !system.isSingleExecutable,
      isText: found === undefined && !override.args,
      hidden: override.args ? [] : inspectorPort,
    },
  )
}

/** Node's options for a program that is text: `-e`, `-p`, `-pe` and their long forms. */
const textOption = /^(?:-e|-p|-pe|--eval|--print)(?:=|$)/

/** Returns the file that this process runs; `undefined` with `-e`, where `argv[1]` may be anything. */
function scriptOf({ argv, execArgv, isSingleExecutable }: System): string | undefined {
  const isText = execArgv.some((option) => textOption.test(option))
  return isText || isSingleExecutable ? undefined : argv[1]
}

/** Returns the arguments of a program without a script. */
function argumentsOf({ argv, isSingleExecutable }: System): string[] {
  // A single executable stands in the place of a script, too (lib/internal/process/pre_execution.js).
  if (isSingleExecutable) return argv.slice(2)
  // Behind `--`: Node would take `--port` for its own option.
  return argv.length > 1 ? ['--', ...argv.slice(1)] : []
}

/** Returns the path of the script through the link that now leads to the new release. */
function throughLink(script: string, { logical, physical }: Origin, cwd = ''): string {
  if (path.isAbsolute(cwd)) {
    const there = renamed(script, physical, path.resolve(cwd))
    if (there !== script && isRelease(path.resolve(cwd), physical, there)) return there
  }
  return renamed(script, physical, logical)
}

/**
 * Returns options of Node with the paths of files through the link that now leads to the new release: its preloads,
 * and what Yarn PnP sets. The old release may have been deleted.
 */
function optionThroughLink(option: string, { logical, physical }: Origin): string {
  const [old, now] = withoutCommonEnd(physical, logical)
  if (old === now || old === '' || old === path.parse(old).root || now === '') return option
  // At the beginning of a word or a value; a URL of a file has the path behind two slashes.
  return option
    .split(/(?<=^|[\s="']|file:\/\/)(?=\/)/)
    .map((part) => (part.startsWith(old + path.sep) ? now + part.slice(old.length) : part))
    .join('')
}

/**
 * Whether a directory is a link to the next release: it leads beside the present release, or the script
 * exists there. A release beside the present one may lack its script, and then the restart should fail.
 */
function isRelease(directory: string, physical: string, script: string): boolean {
  const real = realPath(directory)
  if (real === undefined || real === directory) return false
  const [next, present] = withoutCommonEnd(real, physical).map((end) => path.dirname(end))
  const isBeside = next === present && next !== path.parse(real).root
  return isBeside || existsSync(script)
}

/** Returns the path that `file` has after the directory `from` was renamed to `to`; `file` may be `from`. */
function renamed(file: string, from: string, to: string): string {
  const [old, now] = withoutCommonEnd(from, to)
  return old !== now && old !== '' && isAtOrBelow(file, old) ? now + file.slice(old.length) : file
}

/**
 * Cuts off what both paths end with: `/srv/releases/41/app` and `/srv/current/app` become
 * `/srv/releases/41` and `/srv/current`, since a script may be beside `app`.
 */
function withoutCommonEnd(a: string, b: string): [string, string] {
  let [left, right] = [a, b]
  while (
    left !== right &&
    path.basename(left) === path.basename(right) &&
    path.basename(left) !== '' &&
    path.dirname(right) !== path.sep
  ) {
    left = path.dirname(left)
    right = path.dirname(right)
  }
  return [left, right]
}

/** Returns a directory that exists: spawning in a missing one fails with a misleading ENOENT. */
function startDirectory({ logical }: Origin, entry: string | undefined): string {
  const candidates = [logical, entry === undefined ? '' : path.dirname(entry)]
  return (
    candidates.find((directory) => directory !== '' && existsSync(directory)) ??
    path.parse(logical || '/').root
  )
}
