import type net from 'node:net'

// Express's `listen`, whose callback also receives the error of a failed listen.

/** Called when the server listens, or with the error if listening failed. */
type ListenCallback = (error?: Error) => void

/** Express's overloads of `listen`, in addition to Node's. */
export interface ListenWithErrors<S extends net.Server> {
  listen(callback: ListenCallback): S
  listen(address: number | string, callback: ListenCallback): S
  listen(port: number, hostname: string, callback: ListenCallback): S
  listen(port: number, hostname: string, backlog: number, callback: ListenCallback): S
  listen(options: net.ListenOptions, callback: ListenCallback): S
}

type Listen = (...args: unknown[]) => net.Server

/** Makes `listen` pass the error of a failed listen to its callback, if the callback declares a parameter. */
export function passListenErrors(server: net.Server): void {
  const listen = server.listen.bind(server) as Listen
  const passingListen: Listen = (...args) => {
    const callback = args.at(-1)
    if (typeof callback !== 'function' || callback.length === 0) return listen(...args)
    // Calls back once: Node would keep the callback of a failed listen and call it at the next success.
    const settle = (error?: Error): void => {
      forget()
      ;(callback as ListenCallback)(...(error ? [error] : []))
    }
    const forget = (): void => {
      server.off('error', settle)
      server.off('listening', settle)
    }
    server.on('error', settle)
    try {
      return listen(...args.slice(0, -1), settle)
    } catch (error) {
      forget()
      throw error
    }
  }
  server.listen = passingListen as typeof server.listen
}
