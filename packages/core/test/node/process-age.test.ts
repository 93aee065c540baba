// Proves that a process is told apart from one that got its pid later, and one that runs from one that has
// ended and was not noticed yet.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createNodeSystem } from '../../src/node/system.js'

const { stillRuns } = createNodeSystem()
const isLinux = process.platform === 'linux'
const hour = 3_600_000

test('this process runs, and has run for as long as it has', () => {
  expect(stillRuns(process.pid, Date.now())).toBe(true)
  expect(stillRuns(process.pid, performance.timeOrigin)).toBe(true)
})

test.runIf(isLinux)('no process of its pid ran before it began', () => {
  expect(stillRuns(process.pid, performance.timeOrigin - hour)).toBe(false)
})

test("another user's process runs, too", () => {
  expect(stillRuns(1, Date.now())).toBe(true)
})

test('a process that has ended does not run', async () => {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  expect(stillRuns(child.pid!, Date.now())).toBe(false)
})

test.runIf(isLinux)('nor does one that has ended and is not reaped', async () => {
  // `sleep` reaps nothing; it gets the child of the shell that it replaces.
  const parent = spawn('sh', ['-c', 'exec 3<&0; read line <&3 & echo $!; exec sleep 60'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  onTestFinished(() => void parent.kill('SIGKILL'))
  const [text] = (await once(parent.stdout, 'data')) as [Buffer]
  const pid = Number(text.toString())
  const isSleep = (): boolean =>
    readFileSync(`/proc/${String(parent.pid)}/comm`, 'utf8') === 'sleep\n'
  await vi.waitUntil(isSleep, { timeout: 10_000 })
  parent.stdin.end()
  await vi.waitUntil(() => !stillRuns(pid, Date.now()), { timeout: 10_000 })
  expect(stillRuns(pid, Date.now())).toBe(false)
  expect(process.kill(pid, 0)).toBe(true)
})
