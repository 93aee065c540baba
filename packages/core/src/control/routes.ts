import type http from 'node:http'
import type { Service } from './service.js'

// What can be asked over the control socket, and what comes of it.

/** An answer; `isLast`: its end is the end of this process, which says more than any text. */
export interface Answer {
  status: number
  body: object
  isLast?: boolean
  headers?: http.OutgoingHttpHeaders
}

/** Runs what was asked for; `progress` tells the client that there is some. */
type Action = (service: Service, asked: Asked, progress: () => void) => Promise<Answer>

interface Asked {
  wait: string | undefined
  /** Whether it has waited for a restart already, in the process that has handed over by that. */
  hasWaited: boolean
}

interface Route {
  method: 'GET' | 'POST'
  /** What `?wait=` can be; the first is what is meant without it. */
  waits: readonly string[]
  act: Action
}

export const routes: Record<string, Route> = {
  '/status': {
    method: 'GET',
    waits: [],
    act: async (service) => ({ status: 200, body: await service.status() }),
  },
  '/restart': { method: 'POST', waits: ['ready', 'drained', 'none'], act: restart },
  '/stop': { method: 'POST', waits: ['none', 'drained'], act: stop },
  '/hammer': {
    method: 'POST',
    waits: [],
    act: async (service) => ({ status: 200, body: { hammered: await service.hammer() } }),
  },
}

async function restart(
  service: Service,
  { wait, hasWaited }: Asked,
  progress: () => void,
): Promise<Answer> {
  const restarting = service.restart(hasWaited)
  if (wait === 'none') {
    restarting.catch(() => undefined) // it is logged, and in the status
    return { status: 202, body: {} }
  }
  const report = await restarting
  if (wait === 'ready') return { status: 200, body: report }
  progress()
  const isLast = await service.drained(report)
  return { status: 200, body: report, isLast }
}

async function stop(service: Service, { wait }: Asked): Promise<Answer> {
  const stopped = service.stop()
  if (wait === 'drained') return { status: 200, body: {}, isLast: await stopped }
  stopped.catch(() => undefined) // nobody waits
  return { status: 202, body: {} }
}
