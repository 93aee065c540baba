import { exec } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask, startPeer } from './started.js'

const everyMs = 20
/** How long a version that throws has for its outcome, and one that turns bad, after 2 s. */
const watchedMs = { throws: 10_000, 'turns-bad': 20_000 }
/** The end of the time that is watched, by which the outcome is told. */
const lastMs = 2_000

/**
 * Restarts a peer into a bad version, and asks it again and again.
 *
 * @param {'throws' | 'turns-bad'} release
 * @returns {Promise<{ good: number, worstMs: number, isLoaded: boolean }>} the share of good answers at the end, for how
 * long there was none before that, and whether the new version ever answered
 */
export async function restartIntoBad(peer, where, release) {
  const { run, program, port, end } = await startPeer(peer, where)
  try {
    run.release = release
    const command = (release === 'turns-bad' && run.probation) || run.restart
    let child
    // Its outcome is told by the answers.
    if (command) child = exec(command, () => undefined)
    else program.signal('SIGHUP', program.pid)
    const outcome = await watch(port, watchedMs[release])
    child?.kill()
    return outcome
  } finally {
    await end()
  }
}

async function watch(port, forMs) {
  const beganMs = performance.now()
  const answers = []
  while (performance.now() - beganMs < forMs) {
    const answer = await ask(port)
    const isNew = answer?.release !== undefined && answer.release !== 'good'
    answers.push({ atMs: performance.now() - beganMs, isGood: answer?.status === 200, isNew })
    await sleep(everyMs)
  }
  const last = answers.filter(({ atMs }) => atMs > forMs - lastMs)
  const isGood = ({ isGood }) => isGood
  return {
    good: last.filter(isGood).length / last.length,
    worstMs: longestGap(answers),
    isLoaded: answers.some(({ isNew }) => isNew),
  }
}

/** The longest time from a bad answer to the next good one; Infinity if none came. */
function longestGap(answers) {
  let [sinceMs, longestMs] = [undefined, 0]
  for (const { atMs, isGood } of answers) {
    if (!isGood) sinceMs ??= atMs
    else if (sinceMs !== undefined) {
      longestMs = Math.max(longestMs, atMs - sinceMs)
      sinceMs = undefined
    }
  }
  return sinceMs === undefined ? longestMs : Infinity
}
