// Proves that what makes no sense for workers is refused in one line with the reason, and that the number of workers can
// stand in package.json.
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import {
  freePort,
  runEndless,
  runtimeDirectory,
  startFixture,
  superviseFixture,
  temporaryDirectory,
} from '../helpers/index.js'

const deadlineMs = 15_000
const env = { XDG_RUNTIME_DIR: runtimeDirectory() }

async function outcome(args: string[], cwd?: string) {
  const command = runEndless(args, { ...(cwd !== undefined && { cwd }), env })
  const { code } = await command.waitForExit({ step: 'it ends', deadlineMs })
  await command.end() // all of its output has come
  return { code, out: command.stdout, err: command.stderr.trimEnd() }
}

const count = 'Use a number from 1 to 1024, or max.'
const size = 'A size has a unit: 512MB, 1.5GB.'

test.each([
  ['--workers=0', count],
  ['--workers=-1', count],
  ['--workers=1.5', count],
  ['--workers=many', count],
  ['--parallel=0', 'Give a positive whole number.'],
  ['--max-memory=512', size],
  ['--max-memory=much', size],
  ['--max-age=12', 'A time has a unit: 500ms, 30s, 5min, 1h.'],
  ['--max-blocked=long', 'A time has a unit: 500ms, 30s, 5min, 1h.'],
])('%s is refused in one line', async (flag, reason) => {
  const { code, err } = await outcome(['run', flag, 'app.js'])
  expect(code).toBe(2)
  expect(err).toMatch(/^endless: option .*$/)
  expect(err).toContain(reason)
})

test('package.json has them, too; a flag wins, and nonsense is told by its key', async () => {
  const directory = temporaryDirectory()
  const write = (endless: object) => {
    mkdirSync(directory, { recursive: true })
    writeFileSync(path.join(directory, 'app.mjs'), '')
    writeFileSync(path.join(directory, 'package.json'), JSON.stringify({ name: 'a', endless }))
  }
  write({ workers: 3, maxMemoryBytes: 512_000_000 })
  const explained = await outcome(['run', '--workers', '2', '--explain', 'app.mjs'], directory)
  expect(explained.out).toMatch(/^workers +2 +endless run --workers$/m)
  expect(explained.out).toMatch(/^maxMemoryBytes +512000000 +\S*package\.json$/m)
  expect(explained.out).toMatch(/^maxAgeMs +none +default$/m)
  write({ workers: 0 })
  expect(await outcome(['run', 'app.mjs'], directory)).toMatchObject({
    code: 2,
    err: "endless: package.json: endless.workers is 0: expected a number from 1 to 1024, or 'max'",
  })
})

test('workers in package.json are started, and the program does not take the key for one of its own', async () => {
  const directory = temporaryDirectory()
  const { href } = new URL('../fixtures/works-in-a-slot.mjs', import.meta.url)
  writeFileSync(path.join(directory, 'app.mjs'), `await import('${href}')`)
  const manifest = { name: `workers-${process.pid}`, endless: { workers: 2 } }
  writeFileSync(path.join(directory, 'package.json'), JSON.stringify(manifest))
  const program = runEndless(['run', 'app.mjs'], {
    cwd: directory,
    env: { ...env, PWD: directory },
  })
  await program.waitForEvent(({ event, slot }) => event === 'ready' && slot === 1, {
    step: 'the second worker serves',
    deadlineMs,
  })
})

test('a program that uses node:cluster is refused with several workers', async () => {
  const port = await freePort()
  const program = superviseFixture('runs-a-cluster.mjs', {
    runArgs: ['--workers', '2'],
    args: [String(port)],
  })
  expect(await program.waitForExit({ step: 'it ends', deadlineMs })).toMatchObject({ code: 1 })
  expect(program.stderr).toContain(
    'This program makes workers of its own, with node:cluster, and endless run --workers makes some already: ' +
      'leave one of the two out',
  )
})

test('far more workers than cores, and a program that never listens, are told', async () => {
  const program = superviseFixture('listens-when-told.mjs', { runArgs: ['--workers', '999'] })
  await program.waitForLine(/999 workers, and cores for \d+: each is a process of its own/, {
    step: 'a warning',
    deadlineMs,
  })
  await program.waitForLine(
    /slot 0: generation 0 \(pid \d+\) has not listened .*, and the other workers are not started/,
    { step: 'another warning', deadlineMs },
  )
})

test('a service without a supervisor cannot be scaled', async () => {
  const control = path.join(temporaryDirectory(), 'control.sock')
  const program = startFixture('serves.mjs', { args: [JSON.stringify({ control })] })
  await program.waitForGeneration(0, { deadlineMs })
  const { code, err } = await outcome(['scale', '2', '--control', control])
  expect(code).toBe(1)
  expect(err).toMatch(
    /^endless: Cannot change the number of workers: this service runs without a supervisor\. Start it with endless run\.$/m,
  )
})
