import type net from 'node:net'

/** What Express calls when it listens, or with the error of a listen that failed. */
type ListenCallback = (error?: Error) => void

/** `listen` as Express has it, beside Node's own overloads. */
export interface ListenWithErrors<S extends net.Server> {
  listen(callback: ListenCallback): S
  listen(address: number | string, callback: ListenCallback): S
  listen(port: number, hostname: string, callback: ListenCallback): S
  listen(port: number, hostname: string, backlog: number, callback: ListenCallback): S
  listen(options: net.ListenOptions, callback: ListenCallback): S
}

type Listen = (...args: unknown[]) => net.Server

/** Calls the callback of `listen` with the error of a listen that failed, if it asks for one. */
export function passListenErrors(server: net.Server): void {
  const listen = server.listen.bind(server) as Listen
  const passingListen: Listen = (...args) => {
    const callback = args.at(-1)
    if (typeof callback !== 'function' || callback.length === 0) return listen(...args)
    // Once for either: Node keeps a callback whose listen failed for the next one that succeeds.
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
