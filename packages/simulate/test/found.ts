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
  {
    what: 'a predecessor served again beside the successor of its successor: the supervisor had died, its successor had handed over and was killed at once, and that was taken for a death in service',
    plan: {
      isSupervised: true,
      noise: 0,
      latencyMs: 1,
      releases: [good],
      probationMs: 0,
      steps: [restart, { ...restart, afterMs: 5 }],
      faults: [
        { at: 25, when: 'arrives', who: 'to', what: 'kill', forMs: 0, areTimersFirst: false },
        {
          at: 16,
          when: 'arrives',
          who: 'supervisor',
          what: 'kill',
          forMs: 0,
          areTimersFirst: false,
        },
      ],
      keptClients: 2,
      freshClients: 0,
      workMs: 0,
      thinkMs: 10,
    },
  },
  {
    what: 'it also read a connection that had moved on, whose answer was lost with the supervisor',
    plan: {
      isSupervised: true,
      noise: 0,
      latencyMs: 1,
      releases: [good],
      probationMs: 0,
      steps: [restart, { ...restart, afterMs: 5 }],
      faults: [
        { at: 17, when: 'arrives', who: 'from', what: 'kill', forMs: 0, areTimersFirst: false },
        { at: 25, when: 'sent', who: 'to', what: 'kill', forMs: 0, areTimersFirst: false },
      ],
      keptClients: 1,
      freshClients: 0,
      workMs: 0,
      thinkMs: 10,
    },
  },
  {
    what: 'nobody served: a probation had passed before the successor served, whose death with the supervisor was not heard of yet',
    plan: {
      isSupervised: true,
      noise: 472_783_340,
      latencyMs: 200,
      releases: [{ ...good, helloMs: 11 }],
      probationMs: 100,
      steps: [restart],
      faults: [
        { at: 14, when: 'sent', who: 'supervisor', what: 'kill', forMs: 0, areTimersFirst: false },
      ],
      keptClients: 4,
      freshClients: 0,
      workMs: 300,
      thinkMs: 10,
    },
  },
  {
    what: 'an answer to a connection was taken for that of the next successor, as a restart followed a rollback at once: two copies were read',
    plan: {
      isSupervised: true,
      noise: 243198172,
      latencyMs: 1,
      releases: [
        { boot: 'good', helloMs: 0, loadMs: 51, waits: false },
        { boot: 'good', helloMs: 0, loadMs: 0, waits: false },
      ],
      probationMs: 100,
      steps: [
        { afterMs: 0, do: 'restart', isAsked: false },
        { afterMs: 0, do: 'restart', isAsked: false },
      ],
      faults: [
        { at: 20, when: 'arrives', who: 'to', what: 'freeze', forMs: 5499, areTimersFirst: false },
      ],
      keptClients: 4,
      freshClients: 1,
      workMs: 300,
      thinkMs: 200,
    },
  },
  {
    what: 'a version that was rolled back took a connection back that its predecessor had: the supervisor had died with the answer',
    plan: {
      isSupervised: true,
      noise: 0,
      latencyMs: 1,
      releases: [{ boot: 'good', helloMs: 0, loadMs: 0, waits: false }],
      probationMs: 100,
      steps: [
        { afterMs: 0, do: 'restart', isAsked: false },
        { afterMs: 39, do: 'rollback', isAsked: true },
      ],
      faults: [
        { at: 60, when: 'arrives', who: 'from', what: 'kill', forMs: 0, areTimersFirst: false },
      ],
      keptClients: 4,
      freshClients: 0,
      workMs: 0,
      thinkMs: 1000,
    },
  },
  {
    what: 'the supervisor stood still while the old version served again, and gave it up before it read that',
    plan: {
      isSupervised: true,
      noise: 0,
      latencyMs: 1,
      releases: [{ boot: 'good', helloMs: 0, loadMs: 7, waits: false }],
      probationMs: 0,
      steps: [
        { afterMs: 0, do: 'restart', isAsked: false },
        { afterMs: 0, do: 'restart', isAsked: false },
      ],
      faults: [
        { at: 35, when: 'arrives', who: 'to', what: 'kill', forMs: 0, areTimersFirst: false },
        {
          at: 37,
          when: 'arrives',
          who: 'supervisor',
          what: 'freeze',
          forMs: 2999,
          areTimersFirst: false,
        },
      ],
      keptClients: 4,
      freshClients: 1,
      workMs: 10,
      thinkMs: 1000,
    },
  },
  {
    what: 'the supervisor stood still, handled a death before the last message of the dead, and started its successor for nobody',
    plan: {
      isSupervised: true,
      noise: 820340231,
      latencyMs: 200,
      releases: [{ boot: 'hangs', helloMs: 4, loadMs: 0, waits: false }],
      probationMs: 0,
      steps: [
        { afterMs: 0, do: 'restart', isAsked: false },
        { afterMs: 3217, do: 'restart', isAsked: false },
        { afterMs: 1923, do: 'kill', isAsked: false },
      ],
      faults: [
        { at: 11, when: 'arrives', who: 'to', what: 'freeze', forMs: 895, areTimersFirst: true },
      ],
      keptClients: 1,
      freshClients: 2,
      workMs: 10,
      thinkMs: 1000,
    },
  },
]
