import http from 'node:http'
import { endless } from '../../../core/dist/endless.js'
import type { EndlessOptions } from '../../../core/dist/api/options.js'
import type { Inheritance } from '../../../core/dist/handoff/protocol.js'
import { Runtime } from '../../../core/dist/process/runtime.js'
import type { Kernel } from '../kernel/kernel.js'
import type { SimulatedProcess } from './simulated-process.js'

/** Where the program listens. */
export const port = 80

/** What the program needs of its surroundings. */
export interface ProgramHost {
  readonly kernel: Kernel
  readonly options: EndlessOptions
  /** How long the next request takes. */
  workMs(): number
  /** Called with the server. */
  created(server: http.Server): void
  /** Called with what this process is from now on, before it listens. */
  began(runtime: Runtime): void
}

/** The server program: one endless HTTP server, which responds with the number of its generation. */
export function startProgram(
  process: SimulatedProcess,
  inheritance: Inheritance | undefined,
  host: ProgramHost,
): void {
  const runtime = new Runtime(process.system, inheritance)
  process.runtime = runtime
  process.enter()
  host.began(runtime)
  const server = http.createServer((_request, response) => {
    const workMs = host.workMs()
    const answer = (): void => void response.end(String(runtime.number))
    if (workMs === 0) answer()
    else setTimeout(answer, workMs)
  })
  server.keepAliveTimeout = 0
  bindSimulated(server, process, host.kernel)
  host.created(server)
  endless(server, host.options).listen(port, '127.0.0.1')
}

/** Makes Node listen on sockets of the simulated kernel: core calls this `listen` where it would call Node's. */
function bindSimulated(server: http.Server, process: SimulatedProcess, kernel: Kernel): void {
  const listen = server.listen.bind(server) as (...args: unknown[]) => http.Server
  server.listen = ((first: unknown, ...rest: unknown[]) => {
    if (typeof first !== 'number') return listen(first, ...rest)
    const handle = kernel.bind(first, process)
    if (typeof handle !== 'number')
      return listen(handle, ...rest.filter((each) => typeof each !== 'string'))
    setImmediate(() => {
      server.emit(
        'error',
        Object.assign(new Error(`listen EADDRINUSE :${first}`), { code: 'EADDRINUSE' }),
      )
    })
    return server
  }) as http.Server['listen']
}
