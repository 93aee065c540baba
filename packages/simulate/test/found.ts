import type { Plan } from '../src/run/plan.js'

/** A plan that has failed, and what was wrong. */
interface Found {
  what: string
  plan: Plan
}

const good = { boot: 'good', helloMs: 0, loadMs: 0, waits: false } as const
const restart = { afterMs: 0, do: 'restart', isAsked: false } as const

/** Faults that the simulation has found, each by the smallest plan that showed it. */
export const found: readonly Found[] = [
  {
    what: 'a predecessor served again beside the successor of its successor: the supervisor had died, its successor had handed over at once and exited, and it took that for a death',
    plan: {
      isSupervised: true,
      noise: 0,
      latencyMs: 1,
      releases: [good],
      probationMs: 0,
      steps: [restart, { ...restart, afterMs: 4 }],
      faults: [
        {
          at: 16,
          when: 'arrives',
          who: 'supervisor',
          what: 'kill',
          forMs: 0,
          areTimersFirst: false,
        },
      ],
      keptClients: 1,
      freshClients: 2,
      workMs: 0,
      thinkMs: 1_000,
    },
  },
]
