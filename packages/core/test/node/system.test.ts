// Proves what the real world does beyond what Node's own functions do.
import { expect, test, vi } from 'vitest'
import { createNodeSystem, longestDelayMs } from '../../src/node/system.js'

test('a timer that is longer than any of Node waits as long as Node can, and does not fire at once', async () => {
  const warnings: Error[] = []
  const warn = (warning: Error): void => void warnings.push(warning)
  process.on('warning', warn)
  let hasFired = false
  const timer = createNodeSystem().setTimeout(() => (hasFired = true), longestDelayMs + 1)
  await new Promise((resolve) => setTimeout(resolve, 20))
  clearTimeout(timer)
  process.off('warning', warn)
  expect([hasFired, warnings]).toEqual([false, []])
})

test('a process without descriptors still says how much memory it has', () => {
  const rss = vi.spyOn(process.memoryUsage, 'rss').mockImplementation(() => {
    throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
  })
  const { memoryBytes } = createNodeSystem()
  expect(memoryBytes()).toBeGreaterThan(1_000_000)
  rss.mockRestore()
})
