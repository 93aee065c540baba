// Proves that what a process writes in its last moment reaches a reader that is slow, and that one
// that does not read at all cannot hold the exit.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const lines = 20_000
const fixture = fileURLToPath(new URL('../fixtures/says-much-at-the-end.mjs', import.meta.url))

function start(): ChildProcess & { stdout: NodeJS.ReadableStream } {
  const child = spawn(process.execPath, [fixture, String(lines)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

test('all of it arrives, though the reader begins when the pipe has long been full', async () => {
  const child = start()
  await once(child.stdout, 'readable')
  const written = await text(child.stdout)
  expect(written.trimEnd().split('\n')).toHaveLength(lines)
  expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(0)
})

test('a reader that takes nothing does not hold the exit', async () => {
  const child = start()
  expect(await once(child, 'exit')).toEqual([0, null])
})
