import { existsSync, realpathSync } from 'node:fs'
import path from 'node:path'
import type { SuccessorOptions } from '../api/options.js'
import type { System } from '../node/system.js'
import { withPreload } from './node-options.js'

/** How to start a successor. */
export interface Launch {
  command: string
  args: string[]
  cwd: string
  env: NodeJS.ProcessEnv
  /** What is ours among Node's arguments, for the successor to hide. */
  addedExecArgv: string[]
}

/** Where this process was started, by both names of a directory behind a symbolic link. */
export interface Origin {
  /** As the user named it: `/srv/current`. */
  logical: string
  /** As the kernel knows it: `/srv/releases/41`. */
  physical: string
}

/**
 * Finds out where this process was started. Node resolves links in `process.cwd()`. `PWD` keeps them, but may be stale
 * or anybody's, so it counts only where both name the same directory right now; else a script that was named by a link may tell.
 *
 * @param remembered the logical directory, as the predecessor knows it; '' if there is none
 * @param script as it was named; '' if there is none
 */
export function findOrigin(
  system: System,
  remembered: string,
  script = scriptOf(system) ?? '',
): Origin {
  let physical = ''
  try {
    physical = system.cwd()
  } catch {
    // The directory has been deleted under us: it has no name any more.
  }
  const given = remembered !== '' ? remembered : (system.env['PWD'] ?? '')
  const named = path.isAbsolute(given) ? path.resolve(given) : ''
  const tells = named !== physical && realPath(named) === physical
  const logical = tells ? named : namedByScript(physical, script)
  // A link that was switched since we were started leads elsewhere by now, and is still the name.
  return { logical: logical === physical && remembered !== '' ? remembered : logical, physical }
}

/** By `/srv/current/app.js` the directory `/srv/releases/41` is `/srv/current`; itself if no link tells. */
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

/** The directory that relative paths of the application mean now, by the name that the user knows. */
export function currentDirectory(system: System, { logical, physical }: Origin): string {
  try {
    const directory = system.cwd()
    return directory === physical ? logical : directory
  } catch {
    return logical // deleted under us
  }
}

/** Where an absolute path leads, if something is there. */
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

/** Works out how a successor is started: as this process was, with what the user overrides. */
export function createLaunch(
  system: System,
  origin: Origin,
  preload: string,
  environment: NodeJS.ProcessEnv,
  override: SuccessorOptions = {},
): Launch {
  const inspectorPort = system.execArgv.some((option) => option.startsWith('--inspect'))
    ? ['--inspect-port=0'] // ours still has the port: without this Node would exit with code 12
    : []
  const script = scriptOf(system)
  const entry = script === undefined ? undefined : throughLink(script, origin, override.cwd)
  const program =
    entry === undefined ? apart(system.argv.slice(1)) : [entry, ...system.argv.slice(2)]
  const args = override.args ?? [...system.execArgv, ...inspectorPort, ...program]
  return {
    command: override.command ?? system.execPath,
    args,
    cwd: override.cwd ?? startDirectory(origin, entry),
    env: withPreload(override.env ?? environment, preload),
    addedExecArgv: override.args ? [] : inspectorPort,
  }
}

/** The options whose program is text: `-e`, `-p`, `-pe` and their long forms. */
const textOption = /^(?:-e|-p|-pe|--eval|--print)(?:=|$)/

/** The file that this process runs. With `-e` there is none: the first argument may be anything. */
function scriptOf({ argv, execArgv }: System): string | undefined {
  return execArgv.some((option) => textOption.test(option)) ? undefined : argv[1]
}

/** Arguments of a program that is no file. Without `--` Node takes `--port` for an option of its own. */
function apart(args: string[]): string[] {
  return args.length > 0 ? ['--', ...args] : []
}

/** Names the script of the old release by the link that now leads to the new one. */
function throughLink(script: string, { logical, physical }: Origin, cwd = ''): string {
  if (path.isAbsolute(cwd)) {
    const there = renamed(script, physical, path.resolve(cwd))
    if (there !== script && isRelease(path.resolve(cwd), physical, there)) return there
  }
  return renamed(script, physical, logical)
}

/**
 * Tells a link to the next release from any other directory that a successor shall start in: by the place that it leads
 * to, beside the present release, so that one which lacks its script fails; or, of another place, by the script there.
 */
function isRelease(directory: string, physical: string, script: string): boolean {
  const real = realPath(directory)
  if (real === undefined || real === directory) return false
  const [next, present] = withoutCommonEnd(real, physical).map((end) => path.dirname(end))
  const isBeside = next === present && next !== path.parse(real).root
  return isBeside || existsSync(script)
}

/** The name of a file, or of the directory itself, where what was called `from` is called `to`. */
function renamed(file: string, from: string, to: string): string {
  const [old, now] = withoutCommonEnd(from, to)
  return old !== now && old !== '' && isAtOrBelow(file, old) ? now + file.slice(old.length) : file
}

/** `/srv/releases/41/app` and `/srv/current/app` differ above `app`: a script may be beside it. */
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

/** A directory that is there: spawning in one that is not fails with a misleading ENOENT. */
function startDirectory({ logical }: Origin, entry: string | undefined): string {
  const candidates = [logical, entry === undefined ? '' : path.dirname(entry)]
  return (
    candidates.find((directory) => directory !== '' && existsSync(directory)) ??
    path.parse(logical || '/').root
  )
}
