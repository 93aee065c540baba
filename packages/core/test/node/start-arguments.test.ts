// Proves with which arguments a successor is started if the program has taken some off `process.argv`.
import { expect, test } from 'vitest'
import { commandWords, startArguments } from '../../src/node/start-arguments.js'

const commandLine = (...words: string[]): string => words.map((word) => `${word}\0`).join('')

test.each<[string, string[], string[], string | undefined, string[]]>([
  [
    'a subcommand that was taken off is there again',
    ['/bin/node', '/srv/app.js', 'x'],
    [],
    commandLine('node', 'app.js', 'start', 'x'),
    ['/bin/node', '/srv/app.js', 'start', 'x'],
  ],
  [
    "Node's own options are not the program's",
    ['/bin/node', '/srv/app.js'],
    ['--import', 'tsx'],
    commandLine('node', '--import', 'tsx', './app.js', 'start', ''),
    ['/bin/node', '/srv/app.js', 'start', ''],
  ],
  [
    'arguments that were added or replaced stay',
    ['/bin/node', '/srv/app.js', 'serve', 'x'],
    [],
    commandLine('node', 'app.js', 'start', 'x'),
    ['/bin/node', '/srv/app.js', 'serve', 'x'],
  ],
  [
    'a title in its place says nothing',
    ['/bin/node', '/srv/app.js'],
    [],
    commandLine('my service', '', '', ''),
    ['/bin/node', '/srv/app.js'],
  ],
  [
    'another program says nothing',
    ['/bin/node', '/srv/app.js'],
    [],
    commandLine('node', 'wrapper.js', 'app.js'),
    ['/bin/node', '/srv/app.js'],
  ],
  [
    'without a script there is nothing to compare',
    ['/bin/node'],
    ['-e', '1'],
    commandLine('node', '-e', '1', 'x'),
    ['/bin/node'],
  ],
  [
    'no procfs, no command line',
    ['/bin/node', '/srv/app.js'],
    [],
    undefined,
    ['/bin/node', '/srv/app.js'],
  ],
])('%s', (_, argv, execArgv, given, expected) => {
  expect(startArguments(argv, execArgv, commandWords(given))).toEqual(expected)
})
