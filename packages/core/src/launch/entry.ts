import { type Entry, entryVariable, type SpawnRequest } from '../handoff/protocol.js'
import { welcomeOption } from './preload.js'

// Adds to the start of a process what it needs to come in; preload.ts takes it out again.

/** What {@link withEntry} adds. */
export interface EntryRequest extends Pick<
  Entry,
  'parent' | 'generation' | 'isSupervised' | 'orphaned' | 'register' | 'options'
> {
  /** The file of the preload; `undefined` if there is none. */
  preload: string | undefined
  /** Whether the command is Node itself, which takes its options from the arguments. */
  isNode: boolean
  /** Whether the program is text, as with `-e`. */
  isText?: boolean
  /** Options among the arguments that the process hides: `['--inspect-port=0']`. */
  hidden?: string[]
}

/**
 * Returns the launch of a process that comes in. The preload stands in front of all others: in `NODE_OPTIONS` if
 * there are some, else among the arguments, where they displace none that a file of `--env-file` has.
 *
 * See docs/decisions.md, "The preload stands in front"
 */
export function withEntry(launch: SpawnRequest, request: EntryRequest): SpawnRequest {
  const { preload, isNode, isText = false, hidden = [], ...facts } = request
  const option = ['--require', preload ?? '']
  const { NODE_OPTIONS: given } = launch.env
  const isArgument = isNode && given === undefined
  const isThere = preload !== undefined
  const options = [
    ...(isThere && isArgument ? [option] : []),
    ...(isThere && isNode && isText ? [[...welcomeOption]] : []),
  ]
  const nodeOptions = isThere && !isArgument ? `--require ${JSON.stringify(preload)}` : undefined
  const entry: Entry = {
    ...facts,
    directory: launch.cwd,
    execArgv: [...options, ...hidden.map((each) => [each])],
    nodeOptions,
    preload,
  }
  return {
    ...launch,
    args: [...options.flat(), ...launch.args],
    env: {
      ...launch.env,
      [entryVariable]: JSON.stringify(entry),
      ...(nodeOptions !== undefined && {
        NODE_OPTIONS: given === undefined ? nodeOptions : `${nodeOptions} ${given}`,
      }),
    },
  }
}

/** Returns the environment of a process that gets another number than it was started for. */
export function renumbered(environment: NodeJS.ProcessEnv, generation: number): NodeJS.ProcessEnv {
  const { [entryVariable]: text } = environment
  if (text === undefined) return environment
  const entry = { ...(JSON.parse(text) as Entry), generation }
  return { ...environment, [entryVariable]: JSON.stringify(entry) }
}
