// Runs the tests that Fastify ships in its package, on bare and on endless servers, and reports each test that
// only passes on bare ones. Tests whose own dependencies are not installed pass on neither.
//   node scripts/test-fastify.js [FILE ...]
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './pnpm.js'

const deadlineMs = 60_000
const fastify = realpathSync(join(root, 'test/node_modules/fastify'))
const preload = pathToFileURL(join(root, 'test/transparency/make-endless.mjs')).href
const servers = /\.listen\(|createServer|\.close\(/

const named = process.argv.slice(2)
const files = readdirSync(join(fastify, 'test'), { recursive: true, encoding: 'utf8' })
  .map((file) => join('test', file))
  .filter((file) => file.endsWith('.test.js') && (named.length === 0 || named.includes(file)))
  .filter((file) => servers.test(readFileSync(join(fastify, file), 'utf8')))
  .sort()

/**
 * Returns the names of the tests in a file that pass.
 *
 * @param {string} file
 * @param {string[]} execArgv
 * @returns {Promise<string[]>}
 */
async function passing(file, execArgv) {
  const child = spawn(process.execPath, [...execArgv, '--test-reporter=tap', file], {
    cwd: fastify,
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: deadlineMs,
  })
  let text = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) text += chunk
  return [...text.matchAll(/^ *ok \d+ - (.*)$/gm)].map(([, name]) => name ?? '')
}

let passed = 0
const lost = []

async function work() {
  for (let file = files.shift(); file !== undefined; file = files.shift()) {
    const [bare, endless] = [await passing(file, []), await passing(file, ['--import', preload])]
    passed += endless.length
    for (const name of bare) if (!endless.includes(name)) lost.push(`${file}: ${name}`)
  }
}

await Promise.all(Array.from({ length: availableParallelism() }, work))
for (const line of lost) console.error(line)
console.log(
  `${passed} tests of Fastify pass on endless servers; ${lost.length} pass only on bare ones`,
)
if (lost.length > 0 || passed === 0) process.exitCode = 1
