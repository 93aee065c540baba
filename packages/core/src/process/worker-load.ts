import { performance } from 'node:perf_hooks'
import type { Load } from '../handoff/protocol.js'
import type { Servers } from './parts/servers.js'

/** Measures the load of this process, each time since the last. */
export class WorkerLoad {
  readonly #servers: Servers
  #last = performance.eventLoopUtilization()

  constructor(servers: Servers) {
    this.#servers = servers
  }

  measure(): Load {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, this.#last)
    this.#last = now
    const open = [...this.#servers].reduce((sum, each) => sum + each.connections.accepted.size, 0)
    return { open, utilization }
  }
}
