// Runs vitest on the named projects with any version of Node, and writes a report for sum-results.js.
//   node scripts/test.js [--node 24] PROJECT ... [arguments for vitest, such as a file or -t NAME]
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { nodeBinary } from './node-binary.js'
import { root } from './pnpm.js'

const projects = [
  'unit',
  'types',
  'contract',
  'e2e',
  'transparency',
  'pack',
  'docs',
  'frameworks',
  'system',
]

const args = process.argv.slice(2)
const version = args[0] === '--node' ? args.splice(0, 2)[1] : undefined
const chosen = projects.filter((project) => args.includes(project))
const rest = args.filter((arg) => !projects.includes(arg))

// Vitest's entry file runs with the chosen binary, which makes it the `process.execPath` of every test and
// its children.
const node = version === undefined ? process.execPath : nodeBinary(version)
const name = [...chosen, `node-${version ?? 'this'}`].join('-')
const { status } = spawnSync(
  node,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    ...chosen.flatMap((project) => ['--project', project]),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${join('node_modules/.cache/test-results', `${name}.json`)}`,
    ...rest,
  ],
  { cwd: root, stdio: 'inherit' },
)
process.exitCode = status ?? 1
