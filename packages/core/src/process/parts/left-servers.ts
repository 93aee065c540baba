import type { LeftServer } from '../../api/status.js'
import type { System } from '../../node/system.js'

/** How many are remembered: a program may open a server on a free port for each job. */
const most = 20

/** The servers that the preload `register` has left alone. */
export class LeftServers {
  readonly #system: Pick<System, 'listensOfThreads'>
  readonly #whys = new Map<string, string>()

  constructor(system: Pick<System, 'listensOfThreads'>) {
    this.#system = system
  }

  get list(): LeftServer[] {
    const ofThreads = this.#system
      .listensOfThreads()
      .map(
        (address) => [address, 'a worker thread listens there: no restart until it stops'] as const,
      )
    return [...this.#whys, ...ofThreads].map(([address, why]) => ({ address, why }))
  }

  add(address: string, why: string): void {
    if (this.#whys.size < most) this.#whys.set(address, why)
  }
}
