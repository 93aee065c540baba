// Proves that `endless restart --check` takes a version back whose check fails, that it leaves no version behind which
// nobody checks, and that a check which cannot be run, hangs or says much costs nothing but a line.
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  answersMore,
  answersWith,
  eventOf,
  type How,
  putLoad,
  runEndless,
  startOnProbation,
  temporaryDirectory,
  until,
} from '../helpers/index.js'

const deadlineMs = 20_000

/** A check that passes until a file is there, counts its runs, and then does what the file says. */
function breakableCheck() {
  const directory = temporaryDirectory()
  const [runs, broken] = ['runs', 'broken'].map((name) => path.join(directory, name))
  writeFileSync(runs!, '')
  return {
    command: `echo run >> ${runs}; if [ -e ${broken} ]; then . ${broken}; fi`,
    runs: () => readFileSync(runs!, 'utf8').split('\n').length - 1,
    breakBy: (script: string) => writeFileSync(broken!, script),
  }
}

describe.each<How>(['alone', 'under a supervisor', 'with two workers'])('a service %s', (how) => {
  test('keeps a version whose check passes, and takes one back whose check fails', async () => {
    const { program, port, endless, status } = await startOnProbation(how, {})
    const clients = await putLoad(port)
    const check = breakableCheck()
    const words = ['restart', '--check', check.command, '--probation']
    const passed = await endless(...words, '1500ms')
    expect(passed).toMatchObject({
      code: 0,
      out: expect.stringMatching(/, and (is|are) proven$/) as string,
    })
    // Once before the restart, and then each second.
    expect(check.runs()).toBeGreaterThanOrEqual(2)
    const good = (await status()).generations.map(({ pid }) => pid)

    const restarting = endless(...words, '10min')
    await program.waitForGeneration(2, { deadlineMs })
    await until(async () => (await status()).generations.some((each) => each.isOnProbation), {
      step: 'it is on probation',
      deadlineMs,
    })
    check.breakBy('echo first; printf "it is \\033[31mbad\\n\\n" >&2; exit 3')
    const { code, err } = await restarting
    expect(code).toBe(1)
    expect(err).toMatch(/the check '.*' exited with code 3: it is \\x1b\[31mbad\. Generation 1 /)
    await until(async () => (await status()).generations.every(({ pid }) => good.includes(pid)), {
      step: 'only the old version is left',
      deadlineMs,
    })
    await answersMore(clients)
    const { failures, connections } = await clients.stop()
    expect(failures).toEqual([])
    expect(connections).toMatchObject({ closedAnnounced: 0, closedUnannounced: 0 })
  })
})

test('a check that hangs, or says megabytes, has failed, and is gone', async () => {
  const { endless, program, first, port } = await startOnProbation('alone', {})
  const check = breakableCheck()
  const words = ['restart', '--check', check.command, '--probation', '10min']
  const pids = path.join(temporaryDirectory(), 'pids')
  const failsBy = async (script: string, generation: number) => {
    const restarting = endless(...words)
    await program.waitForGeneration(generation, { deadlineMs })
    await eventOf(program, 'drain', first.pid)
    check.breakBy(script)
    const { code, err } = await restarting
    expect(code).toBe(1)
    expect(await answersWith(port)).toBe(first.pid)
    return err.split('\n').at(-1)
  }
  expect(await failsBy('yes megabytes | head -c 5000000; exit 1', 1)).toMatch(
    /the check '.*' exited with code 1: megabytes\. Generation 0 /,
  )
  check.breakBy(':')
  // Its child holds the pipes.
  expect(await failsBy(`sleep 600 & echo $! >> ${pids}; wait`, 1)).toMatch(
    /the check '.*' has not ended within 5 s\. Generation 0 /,
  )
  const sleepers = readFileSync(pids, 'utf8').trim().split('\n').map(Number)
  const isGone = (pid: number) => {
    try {
      return !readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('sleep')
    } catch {
      return true
    }
  }
  await until(() => sleepers.every(isGone), { step: 'what it started is gone', deadlineMs })
})

test('what makes no sense is refused with a reason, before anything has begun', async () => {
  const { endless, program } = await startOnProbation('alone', {})
  const probation = ['--probation', '60s']
  const refusals: [string[], RegExp][] = [
    [
      ['--check', './no-such-check', ...probation],
      /Not restarted: the check exited with code 127: .*not found/,
    ],
    [['--check', '', ...probation], /--check needs a command/],
    [['--max-blocked', '2s'], /--max-blocked needs a probation: add --probation 60s/],
    [['--check', 'true', '--probation', '0s'], /--check needs a probation: add --probation 60s/],
    [['--check', 'true'], /--check needs a probation: add --probation 60s/],
    [['--max-errors', '1%'], /--max-errors needs a probation: add --probation 60s/],
    [['--max-errors', '0.01', ...probation], /A share is a percentage: 5%, 0.1%/],
    [['--check', 'true', '--wait', 'ready', ...probation], /--check waits until/],
  ]
  for (const [words, reason] of refusals) {
    const { code, err } = await endless('restart', ...words)
    expect({ code, lines: err.split('\n').length }).toEqual({ code: 2, lines: 1 })
    expect(err).toMatch(reason)
  }
  expect(program.events.map(({ event }) => event)).not.toContain('restarting')
})

test('a command that is broken off leaves no version behind that nobody checks', async () => {
  const { program, first, pidFile, port } = await startOnProbation('under a supervisor', {})
  const command = runEndless([
    'restart',
    '--probation',
    '10min',
    '--check',
    'true',
    '--pid-file',
    pidFile,
  ])
  await program.waitForGeneration(1, { deadlineMs })
  await eventOf(program, 'drain', first.pid)
  command.signal('SIGINT', command.pid)
  const { code } = await command.waitForExit({ step: 'the command ends', deadlineMs })
  await command.end()
  expect(code).toBe(1)
  expect(command.stderr).toContain('the command that checks it was ended by SIGINT')
  expect(await answersWith(port)).toBe(first.pid)
})
