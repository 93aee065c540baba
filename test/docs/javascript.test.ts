// Proves that the JavaScript of the documentation is right: each block compiles against the published types, and one that
// is a whole program serves, and ends when it is told to.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { freePort, get, startProgram, until } from '../helpers/index.js'
import { compileBlocks } from './javascript.js'

const deadlineMs = 15_000
const sources = compileBlocks()

/** What blocks name that belongs to the program of the reader. */
const theirs = (
  'app server io webSocketServer database cache jobs subscribers announce flush report printStatistics ' +
  'alert importFrom newPort open pino after nameOf serve startScheduledJobs'
).split(' ')

test.each(sources)('$place: compiles', ({ problems, free }) => {
  expect(problems).toEqual([])
  expect(free.filter((name) => !theirs.includes(name))).toEqual([])
})

const whole = sources.filter(({ isProgram }) => isProgram)
afterAll(() => {
  for (const { file } of whole) rmSync(file, { force: true })
})

test.each(whole)('$place: serves, and ends at SIGTERM', async ({ file, code }) => {
  const port = await freePort()
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, code.replaceAll(/\b3_?000\b/g, String(port)))
  const program = startProgram({ args: [file] })
  const explain = () => program.output.toString()
  let answer: Awaited<ReturnType<typeof get>> | undefined
  const ask = async () => {
    answer = await get(port).catch(() => undefined)
    return answer !== undefined
  }
  await until(ask, { step: 'it answers', deadlineMs, explain })
  program.signal('SIGTERM', program.pid)
  const { code: exitCode, signal } = await program.waitForExit({ step: 'it ends', deadlineMs })
  expect(exitCode === 0 || signal === 'SIGTERM', explain()).toBe(true)
})
