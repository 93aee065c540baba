import {
  currentDirectory,
  createNodeSystem,
  defaultTexts,
  findOrigin,
  flagsName,
  generationName,
  type GivenOption,
  isInJson,
  type ListedGeneration,
  oneLine,
  optionNames,
  parseJsonOptions,
  strongest,
  supervisorOptionNames,
} from '@endless/core/for-cli'
import { formatTable } from './format.js'
import { manifestOptions } from './manifest-options.js'
import { flagOf } from './option-flags.js'
import { checkProgram, namedScript, programFile } from './program.js'
import type { RunOptions } from './run.js'
import { supervisorDefaultTexts } from '../supervisor/settings.js'
import { supervisorFlagOf } from './supervisor-flags.js'

// Which options are in effect, and why: those of a program that `endless run` would start, and those of a
// generation, with the servers that a restart hands over.

const optionTitles = ['OPTION', 'VALUE', 'FROM']
const serverTitles = ['SERVER', 'ON A RESTART', 'WHY']

/**
 * Explains the options of a program, without starting it: what its code says is not known.
 *
 * @throws {Failure} if there is no such script, or an option makes no sense
 */
export function explainRun(
  program: string[],
  isCommand: boolean,
  { pidFile, control, supervisor, options }: RunOptions,
): string {
  const system = createNodeSystem()
  const origin = findOrigin(system, '', { script: namedScript(program, isCommand) })
  const cwd = currentDirectory(system, origin)
  checkProgram(program, isCommand, cwd)
  const flags = { ...supervisor, ...parseJsonOptions(options ?? {}, String), pidFile, control }
  const manifest = manifestOptions(programFile(program, isCommand, cwd), cwd)
  const layers = [
    { from: flagsName, options: flags },
    { from: manifest?.file ?? '', options: { ...manifest?.supervisor, ...manifest?.options } },
    { from: 'default without code', options: { otherSignalListeners: 'hold' } },
  ]
  const names = [...supervisorOptionNames, ...optionNames.filter(isInJson)]
  const given = names.flatMap((name) => strongest(name, layers) ?? [])
  return [
    ...optionRows(given, names),
    '',
    'What the program says in its code wins over package.json, and is known when it runs:',
    'endless status --explain',
  ]
    .map((line) => oneLine(line))
    .join('\n')
}

/** Explains a generation: its options, and which of its servers a restart hands over. */
export function explainGeneration(generation: ListedGeneration): string[] {
  const { options, servers, left = [] } = generation
  const name = generationName(generation)
  if (!options) return [`${name} does not tell its options: it hangs, or has an older version`]
  const rows = [
    ...servers.map(({ address, madeBy }) => [
      address ?? '(closed)',
      'handed over',
      madeBy === 'code' ? 'the program has made it endless' : 'it has a fixed address',
    ]),
    ...left.map(({ address, why }) => [address, 'left alone', why]),
  ]
  return [
    name,
    '',
    ...optionRows(options, optionNames),
    ...(rows.length > 0 ? ['', ...formatTable(serverTitles, rows)] : []),
  ]
}

const defaults: Readonly<Record<string, string>> = { ...supervisorDefaultTexts, ...defaultTexts }

/** Returns the table of options: those that somebody gave, then all others with their defaults. */
function optionRows(given: readonly GivenOption[], names: readonly string[]): string[] {
  const others = names.filter((name) => !given.some((each) => each.name === name))
  return formatTable(optionTitles, [
    ...given.map(({ name, value, from }) => [name, value, fromText(name, from)]),
    ...others.map((name) => [name, defaults[name] ?? '', 'default']),
  ])
}

/** Returns `endless run --hammer-time` for a flag. */
function fromText(name: string, from: string): string {
  const flag =
    { pidFile: '--pid-file', control: '--control' }[name] ??
    flagOf(name) ??
    supervisorFlagOf(name) ??
    ''
  return from === flagsName ? `${from} ${flag}` : from
}
