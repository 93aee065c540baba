// Adds up the reports of all vitest runs. Names each test that failed, with its reason, and prints as the
// last line: `N passed, M failed`. Exits with 1 if a test failed or none ran.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root } from './pnpm.js'

const folder = join(root, 'node_modules/.cache/test-results')
let passed = 0
const failures = []

for (const report of existsSync(folder) ? readdirSync(folder) : []) {
  const { numPassedTests, testResults } = JSON.parse(readFileSync(join(folder, report), 'utf8'))
  passed += numPassedTests
  for (const { name, status, message, assertionResults } of testResults) {
    const file = relative(root, name)
    const failed = assertionResults.filter((test) => test.status === 'failed')
    for (const { fullName, failureMessages } of failed) {
      failures.push({ report, file, test: fullName, reason: failureMessages.join('\n') })
    }
    // A file that fails to load, or whose hook fails, counts as one failure: no test of it includes it.
    if (status === 'failed' && failed.length === 0) {
      failures.push({ report, file, test: '(the file itself)', reason: message })
    }
  }
}

for (const { report, file, test, reason } of failures) {
  console.log(`Failed: ${file} > ${test} (${report.replace(/\.json$/, '')})\n${reason}\n`)
}
console.log(`${passed} passed, ${failures.length} failed`)
process.exitCode = passed > 0 && failures.length === 0 ? 0 : 1
