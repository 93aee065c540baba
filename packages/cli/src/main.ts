// The entry of `endless`: runs `endless run <script>` directly, and leaves the rest to command-line.ts.
const [command, script, ...args] = process.argv.slice(2)
if (command === 'run' && script !== undefined && !script.startsWith('-')) {
  // Every further argument belongs to the script, so there is nothing to parse: loading the parser
  // would only delay the start of the service.
  // See docs/decisions.md, "What `endless run` costs is a process and some files"
  const [{ run }, { exitWith }] = await Promise.all([
    import('./commands/run.js'),
    import('./control/failure.js'),
  ])
  await exitWith(run([script, ...args], false, {}))
} else {
  await import('./command-line.js')
}
