import type { Load } from '../handoff/protocol.js'
import { Utilization } from '../node/utilization.js'
import type { Servers } from './parts/servers.js'

/** Measures the load of this process, each time since the last. */
export class WorkerLoad {
  readonly #servers: Servers
  readonly #utilization = new Utilization()

  constructor(servers: Servers) {
    this.#servers = servers
  }

  measure(): Load {
    const open = [...this.#servers].reduce((sum, each) => sum + each.connections.accepted.size, 0)
    return { open, utilization: this.#utilization.look() }
  }
}
