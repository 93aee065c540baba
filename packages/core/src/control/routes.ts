import type http from 'node:http'
import type { RestartOptions } from '../api/reports.js'
import { EndlessError } from '../api/endless-error.js'
import { openMetricsType } from './open-metrics.js'
import { mostWorkers, type Service } from './service.js'

// The requests that the control socket takes, and their responses.

/**
 * Response to a request; with `isLast`, the exit of this process ends it.
 * See docs/decisions.md, "The exit ends the answer to `?wait=drained`"
 */
export interface Answer {
  status: number
  /** A text is sent as it is, with its own `content-type` in the headers. */
  body: object | string
  isLast?: boolean
  headers?: http.OutgoingHttpHeaders
}

/** Carries out a request; calls `progress` to report a step to the client. */
type Action = (service: Service, asked: Asked, progress: () => void) => Promise<Answer>

/** What a request asks for besides its path. */
export interface Asked {
  wait: string | undefined
  /** Whether the request has waited for a restart already, in the process that then handed over. */
  hasWaited: boolean
  /** Whether the restart ends a probation, as proven, in place of waiting for its end. */
  isNow: boolean
  /** Why to roll back. */
  reason: string
  options: RestartOptions
  /** How many workers there should be: `?workers=4`. */
  workers: number | undefined
}

interface Route {
  method: 'GET' | 'POST'
  /** Values of `?wait=`; the first is the default. */
  waits: readonly string[]
  act: Action
}

/** The routes by path; any other path is answered with 404. */
export const routes: Record<string, Route> = {
  '/status': {
    method: 'GET',
    waits: [],
    act: async (service) => ({ status: 200, body: await service.status() }),
  },
  '/metrics': { method: 'GET', waits: [], act: metrics },
  '/restart': { method: 'POST', waits: ['ready', 'proven', 'drained', 'none'], act: restart },
  '/rollback': {
    method: 'POST',
    waits: [],
    act: async (service, { reason }) => {
      await service.rollback(reason)
      return { status: 200, body: {} }
    },
  },
  '/stop': { method: 'POST', waits: ['none', 'drained'], act: stop },
  '/scale': { method: 'POST', waits: [], act: scale },
  '/hammer': {
    method: 'POST',
    waits: [],
    act: async (service) => ({ status: 200, body: { hammered: await service.hammer() } }),
  },
}

async function metrics(service: Service): Promise<Answer> {
  const body = await service.metrics()
  return { status: 200, body, headers: { 'content-type': openMetricsType } }
}

async function restart(
  service: Service,
  { wait, hasWaited, isNow, options }: Asked,
  progress: () => void,
): Promise<Answer> {
  if (isNow) await service.prove()
  const restarting = service.restart(hasWaited, options, progress)
  if (wait === 'none') {
    restarting.catch(() => undefined) // the failure is logged, and shown in the status
    return { status: 202, body: {} }
  }
  const report = await restarting
  if (wait === 'ready') return { status: 200, body: report }
  progress()
  if (wait === 'proven') {
    await service.proven(report)
    return { status: 200, body: report }
  }
  const isLast = await service.drained(report)
  return { status: 200, body: report, isLast }
}

async function scale(service: Service, { workers = NaN }: Asked): Promise<Answer> {
  if (!Number.isInteger(workers) || workers < 1 || workers > mostWorkers) {
    throw new EndlessError(
      'ERR_ENDLESS_UNSUPPORTED',
      `'workers' must be a whole number from 1 to ${String(mostWorkers)}.`,
    )
  }
  await service.scale(workers)
  return { status: 200, body: { workers } }
}

async function stop(service: Service, { wait }: Asked): Promise<Answer> {
  const stopped = service.stop()
  if (wait === 'drained') return { status: 200, body: {}, isLast: await stopped }
  stopped.catch(() => undefined) // no client waits for the end
  return { status: 202, body: {} }
}
