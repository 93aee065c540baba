// Adds up the reports of all vitest runs and prints one line: `N passed, M failed`. Exits with 1 if a test
// failed or none ran.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './pnpm.js'

const folder = join(root, 'node_modules/.cache/test-results')
let passed = 0
let failed = 0

for (const file of existsSync(folder) ? readdirSync(folder) : []) {
  const report = JSON.parse(readFileSync(join(folder, file), 'utf8'))
  passed += report.numPassedTests
  failed += report.numFailedTests
  // A file that fails to load, or whose hook fails, counts as one failure: no other number includes it.
  failed += report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length
}

console.log(`${passed} passed, ${failed} failed`)
process.exitCode = passed > 0 && failed === 0 ? 0 : 1
