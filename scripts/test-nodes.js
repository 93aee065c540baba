// Runs the tests that start processes on every supported version of Node.
//   node scripts/test-nodes.js [VERSION ...] [arguments for vitest]
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const supported = ['20', '22', '24', '26']
const isVersion = (arg) => /^\d+(\.\d+)*$/.test(arg)

const args = process.argv.slice(2)
const named = args.filter(isVersion)
const script = fileURLToPath(new URL('test.js', import.meta.url))
const failed = []

for (const version of named.length > 0 ? named : supported) {
  console.log(`\nNode ${version}`)
  const rest = args.filter((arg) => !isVersion(arg))
  const { status } = spawnSync(
    process.execPath,
    [script, '--node', version, 'contract', 'e2e', 'transparency', 'pack', ...rest],
    { stdio: 'inherit' },
  )
  if (status !== 0) failed.push(version)
}

if (failed.length > 0) {
  console.error(`\nFailed on Node ${failed.join(', ')}`)
  process.exitCode = 1
}
