import path from 'node:path'

/**
 * The arguments that a program was started with: `['/usr/bin/node', '/srv/app.js', 'start']`. Many a program takes its
 * subcommand off `process.argv` before it loads anything of ours (fastify-cli does), and its successor needs it.
 *
 * @param argv `process.argv` as it is now
 * @param execArgv Node's options
 * @param commandLine /proc/self/cmdline, if there is one. It counts only where it still reads as this program's:
 * `process.title` writes over it.
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
  // What the program has put there instead is not for us to judge.
  return isRight && given.length > left.length ? [node, script, ...given] : [...argv]
}
