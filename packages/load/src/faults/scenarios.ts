import { Hold } from '../chaos/hold.js'
import { until } from '../program/until.js'
import { ask } from '../chaos/who-answers.js'
import type { Service } from './service.js'

// How a service is brought to the moment of a fault.

const deadlineMs = 60_000

/** Notes that a connection was lost which the load does not know. */
export type OnLost = ConstructorParameters<typeof Hold>[1]['onLost']

export interface Scenario {
  title: string
  /** How many workers; 0: without a supervisor. */
  workers: number
  /** Whether it is beside the handoff, so that only the faults of processes and lines matter. */
  isBeside?: boolean
  /** Brings the service to where the messages of interest are still to come. */
  prepare?: (service: Service, onLost: OnLost) => Promise<Hold | undefined>
  /** How many generations live beside those that serve once it has been prepared. */
  staying?: number
  /** Which message the supervisor has received before the moment: there are earlier ones of its type. */
  after?: string
  /** Makes the messages come, after `arm`. A part of it may be refused because of the fault. */
  trigger: (service: Service, arm: () => void) => void
  /** Whether it asks the service to end. */
  ends?: boolean
  /** With how many workers it may end; by default with as many as it began. */
  workersAfter?: readonly number[]
  /** Whether the next release, which works, brings back as many as it began with. */
  isRefilled?: boolean
}

const hangUp = (service: Service, arm: () => void): void => {
  arm()
  service.signal('SIGHUP')
}

const request =
  (method: 'GET' | 'POST', path: string) =>
  (service: Service, arm: () => void): void => {
    arm()
    void insist(service, method, path)
  }

/** Asks until it is heard, or the fault has come. */
async function insist(service: Service, method: 'GET' | 'POST', path: string): Promise<void> {
  for (let asked = 0; asked < 5 && service.place.isOrdered; asked++) {
    if ((await answers(service, method, path)) !== undefined) return
  }
}

/** Returns the status of an answer; `undefined` if the control socket has given up: a busy machine asks late. */
async function answers(
  service: Service,
  method: 'GET' | 'POST',
  path: string,
): Promise<number | undefined> {
  try {
    return (await service.ask(method, path)).status
  } catch (error) {
    service.history.note(`  refused: ${String(error)}`)
    return undefined
  }
}

/** Asks the program to restart from inside. */
const restartInside = (service: Service, arm: () => void): void => {
  arm()
  void ask(service.port, '/restart')
}

/** Restarts with a probation that only its end in this scenario ends. */
async function beginProbation(service: Service): Promise<undefined> {
  const path = '/restart?wait=ready&probationMs=600000'
  // On a busy machine a successor may not be ready in time.
  for (let asked = 0; asked < 5; asked++) {
    if ((await answers(service, 'POST', path)) === 200) return
  }
}

async function hold(service: Service, how: 'stream' | 'tunnel', onLost: OnLost): Promise<Hold> {
  const held = new Hold(service.port, { how, forMs: 'ever', onLost })
  await until(() => held.pid !== undefined, { step: 'the oldest has a request', deadlineMs })
  return held
}

/** Restarts once while the first generation has a request that does not end. */
async function holdOldest(service: Service, onLost: OnLost): Promise<Hold> {
  const held = await hold(service, 'stream', onLost)
  service.signal('SIGHUP')
  await service.program.waitForGeneration(1, { deadlineMs })
  return held
}

async function holdOldestOfBadRelease(service: Service, onLost: OnLost): Promise<Hold> {
  const held = await holdOldest(service, onLost)
  await service.untilCalm('the second serves', 1)
  service.place.release('bad')
  return held
}

function roll(service: Service, arm: () => void): void {
  service.place.release('2')
  hangUp(service, arm)
}

const rollBack = request('POST', '/rollback?reason=because')
const isBeside = true

export const scenarios = {
  restart: { title: 'A restart', workers: 0, trigger: hangUp },
  supervised: { title: 'A restart under a supervisor', workers: 1, trigger: hangUp },
  third: {
    title: 'A restart while the oldest generation still drains',
    workers: 0,
    isBeside,
    prepare: holdOldest,
    staying: 1,
    trigger: hangUp,
  },
  'supervised third': {
    title: 'A restart while the oldest generation still drains, under a supervisor',
    workers: 1,
    isBeside,
    prepare: holdOldest,
    staying: 1,
    trigger: hangUp,
  },
  roll: {
    title: 'A roll of two workers, in the second slot',
    workers: 2,
    after: 'serving',
    trigger: roll,
  },
  rollback: {
    title: 'A rollback',
    workers: 0,
    prepare: beginProbation,
    staying: 1,
    trigger: rollBack,
  },
  'supervised rollback': {
    title: 'A rollback under a supervisor',
    workers: 1,
    prepare: beginProbation,
    staying: 1,
    trigger: rollBack,
  },
  probation: {
    title: 'A probation that passes',
    workers: 0,
    isBeside,
    trigger: request('POST', '/restart?wait=ready&probationMs=2500'),
  },
  'compared probation': {
    title: 'A probation in which errors are compared',
    workers: 0,
    isBeside,
    trigger: request('POST', '/restart?wait=ready&probationMs=4000&maxErrors=0.5'),
  },
  proved: {
    title: 'A probation that is ended as proven',
    workers: 0,
    isBeside,
    prepare: beginProbation,
    staying: 1,
    trigger: request('POST', '/restart?wait=ready&now'),
  },
  tunnel: {
    title: 'A restart that moves a tunnel',
    workers: 0,
    isBeside,
    prepare: (service, onLost) => hold(service, 'tunnel', onLost),
    trigger: hangUp,
  },
  'returned tunnel': {
    title: 'A rollback that moves a tunnel',
    workers: 0,
    isBeside,
    async prepare(service, onLost) {
      await beginProbation(service)
      return hold(service, 'tunnel', onLost)
    },
    staying: 1,
    trigger: rollBack,
  },
  'bad release': {
    title: 'A restart to a release that dies as it boots, while the oldest generation still drains',
    workers: 0,
    isBeside,
    prepare: holdOldestOfBadRelease,
    staying: 1,
    trigger: hangUp,
  },
  inside: {
    title: 'A restart that a worker asks for',
    workers: 2,
    isBeside,
    trigger: restartInside,
  },
  'bad release inside': {
    title: 'A restart that a worker asks for, to a release that dies as it boots',
    workers: 2,
    isBeside,
    prepare(service) {
      service.place.release('bad')
      return Promise.resolve(undefined)
    },
    trigger: restartInside,
    workersAfter: [1, 2],
    isRefilled: true,
  },
  status: {
    title: 'The status of two generations',
    workers: 0,
    isBeside,
    prepare: holdOldest,
    staying: 1,
    trigger: request('GET', '/status'),
  },
  scale: {
    title: 'A worker leaves',
    workers: 2,
    isBeside,
    trigger: request('POST', '/scale?workers=1'),
    workersAfter: [1, 2],
  },
  stop: {
    title: 'A stop while the oldest generation still drains',
    workers: 0,
    isBeside,
    prepare: holdOldest,
    staying: 1,
    ends: true,
    trigger(service, arm) {
      arm()
      service.signal('SIGTERM')
    },
  },
} satisfies Record<string, Scenario>

export type ScenarioName = keyof typeof scenarios
