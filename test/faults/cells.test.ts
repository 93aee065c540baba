// Proves, in a few cells of `npm run faults`, that a fault comes in its moment, to the process that is named, and is
// judged; and that a generation without descriptors lives on when it is asked for its status.
import { fileURLToPath } from 'node:url'
import { allCells, cellsLike, type Outcome, runCells } from '@endless/load'
import { expect, test } from 'vitest'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const files = {
  program: path('serves.mjs'),
  preload: path('watches.cjs'),
  endless: path('../../packages/cli/bin/endless.js'),
}

const outcomesOf = async (...names: string[]): Promise<Outcome[]> => {
  const outcomes: Outcome[] = []
  const cells = names.flatMap((name) => cellsLike(allCells(), name))
  await runCells(cells, files, { jobs: 1, onEnd: (outcome) => outcomes.push(outcome) })
  return outcomes
}
const brokenIn = ({ broken, history }: Outcome) =>
  broken.map(({ breach, detail }) => `${breach}: ${detail}\n${history}`)

test('a successor that is killed as it is told to take over leaves its predecessor serving', async () => {
  const [outcome] = await outcomesOf('restart × taken-over × successor killed')
  expect(outcome).toMatchObject({ serving: 'old', lost: 0, closed: 0 })
  expect(brokenIn(outcome!)).toEqual([])
}, 120_000)

test('a predecessor that is killed then loses what it holds, and its successor serves', async () => {
  const [outcome] = await outcomesOf('restart × taken-over × predecessor killed')
  expect(outcome).toMatchObject({ serving: 'new', lost: 0, closed: 0 })
  expect(outcome?.excused).toBeGreaterThan(0)
  expect(brokenIn(outcome!)).toEqual([])
}, 120_000)

test('a draining predecessor without descriptors answers the question for its status', async () => {
  const [outcome] = await outcomesOf('status × ask-older × predecessor no descriptors')
  expect(outcome).toMatchObject({ serving: 'old', lost: 0, closed: 0 })
  expect(brokenIn(outcome!)).toEqual([])
}, 120_000)

test('neither garbage nor half a message costs a connection that is on its way, whichever side sends it', async () => {
  const outcomes = await outcomesOf(
    'restart × connection × garbage',
    'restart × adopted × half a message',
    'supervised × spawn × garbage',
  )
  expect(outcomes).toHaveLength(3)
  for (const outcome of outcomes) expect(brokenIn(outcome)).toEqual([])
}, 180_000)

test('when the channel is cut between two that live, one of them serves', async () => {
  const outcomes = await outcomesOf(
    'restart × ready × channel cut',
    'restart × adopted × channel cut',
  )
  expect(outcomes.map(({ serving }) => serving)).toEqual(['old', 'new'])
  for (const outcome of outcomes) expect(brokenIn(outcome)).toEqual([])
}, 120_000)

test('a stop in the moment of a rollback ends the service', async () => {
  const [outcome] = await outcomesOf('rollback × ask-rollback × SIGTERM')
  expect(brokenIn(outcome!)).toEqual([])
}, 120_000)

test('a roll goes on if an old process dies in it, and workers that outlive their supervisor can all be restarted', async () => {
  const outcomes = await outcomesOf(
    'roll × taken-over × predecessor killed',
    'roll × serving × supervisor killed',
  )
  expect(outcomes.map(({ serving }) => serving)).toEqual(['new', 'new'])
  for (const outcome of outcomes) expect(brokenIn(outcome)).toEqual([])
}, 180_000)
