import path from 'node:path'

/**
 * Returns the arguments that a program was started with: `['/usr/bin/node', '/srv/app.js', 'start']`. Some
 * programs take their subcommand off `process.argv` before they load core (fastify-cli does), and their
 * successors need it.
 *
 * See docs/decisions.md, "Arguments are copied when core is loaded"
 *
 * @param argv `process.argv` as it is now
 * @param execArgv Node's options
 * @param commandLine /proc/self/cmdline, if there is one. It counts only while it matches `execArgv` and the
 * script: `process.title` overwrites it.
 */
export function startArguments(
  argv: readonly string[],
  execArgv: readonly string[],
  commandLine: string | undefined,
): string[] {
  const [node, script, ...left] = argv
  if (node === undefined || script === undefined || commandLine === undefined) return [...argv]
  const [, ...words] = commandLine.split('\0').slice(0, -1)
  const isRight =
    execArgv.every((option, at) => words[at] === option) &&
    path.basename(words[execArgv.length] ?? '') === path.basename(script)
  const given = words.slice(execArgv.length + 1)
  // Where nothing was taken off, `argv` stays as the program has it, even if it differs.
  return isRight && given.length > left.length ? [node, script, ...given] : [...argv]
}
