const [command, script, ...args] = process.argv.slice(2)
if (command === 'run' && script !== undefined && !script.startsWith('-')) {
  // All that follows is the script's: there is nothing to parse, and the parser's loading would only
  // hold up the start of a service.
  const [{ run }, { exitWith }] = await Promise.all([
    import('./commands/run.js'),
    import('./control/failure.js'),
  ])
  await exitWith(run([script, ...args], false, {}))
} else {
  await import('./command-line.js')
}
