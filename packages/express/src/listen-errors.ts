import type net from 'node:net'

type Listen = (...args: unknown[]) => net.Server

/** Calls the callback of `listen` with the error of a listen that failed, if it asks for one. */
export function passListenErrors(server: net.Server): void {
  const listen = server.listen.bind(server) as Listen
  const passingListen: Listen = (...args) => {
    const callback = args.at(-1)
    if (typeof callback === 'function' && callback.length > 0) {
      const onError = callback as (error: Error) => void
      server.once('error', onError)
      server.once('listening', () => server.off('error', onError))
    }
    return listen(...args)
  }
  server.listen = passingListen as typeof server.listen
}
