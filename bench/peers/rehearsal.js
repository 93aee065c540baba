import { rehearse } from '@endless/rehearse'
import { median } from '../lib/statistics.js'
import { createRun } from './run.js'

/** Rehearses a peer once; returns what its clients saw. */
export async function rehearsePeer(peer, where, { restarts }) {
  const run = createRun(peer, where)
  try {
    const { report } = await rehearse({
      command: run.command,
      restartCommand: run.restart,
      restarts,
      echo: '/echo',
      paths: [{ path: '/', weight: 1 }],
      calmMs: 1_000,
      settleMs: 1_000,
      startTimeoutMs: 60_000,
    })
    return resultOf(report)
  } finally {
    run.remove()
  }
}

function resultOf({ requests, connections, latency, restarts }) {
  const kinds = Object.values(connections)
  const count = (end) => kinds.reduce((sum, kind) => sum + kind[end], 0)
  const answers = restarts.map(({ firstAnswerAfterMs }) => firstAnswerAfterMs)
  return {
    requests: requests.total,
    lost: requests.lost,
    closed: count('while-idle'),
    announced: count('announced'),
    moved: count('moved'),
    calmP99Ms: latency.calm.p99Ms,
    restartP99Ms: latency.restarts.p99Ms,
    p99Ratio: latency.p99Ratio,
    newAnswerMs: answers.includes(null) ? null : median(answers),
    failedRestarts: restarts.filter(({ error }) => error !== null).length,
  }
}
