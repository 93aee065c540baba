import type net from 'node:net'
import type { ListenTarget } from '../listeners/address.js'
import { parseListenCall } from '../listeners/listen-call.js'
import { isServerOfCluster } from '../node/internals/server.js'
import { registerRecord } from '../node/register-record.js'
import { announceListen } from '../node/threads.js'
import { isEndless, manage } from './managed-servers.js'
import { threadNotice } from './notices.js'
import { currentRuntime } from './runtime.js'

// What the preload `register` does with a server that is about to listen.
// See docs/decisions.md, "Register loads core late"

/**
 * Makes a server endless that is about to listen, unless a restart could not hand it over, or nobody could
 * know where it listens.
 * See docs/decisions.md, "Register takes what clients can know"
 */
export function takeAtListen(server: net.Server, args: readonly unknown[]): void {
  if (isEndless(server)) return
  const { target } = parseListenCall(args)
  const { host } = currentRuntime()
  if (host.system.isClusterWorker) return
  if (isServerOfCluster(server)) {
    host.leaveAlone(textOf(target), 'it belongs to node:cluster')
    host.refuseCluster()
    return
  }
  const why = whyLeft(target, host.system.pid)
  if (why !== undefined) {
    host.leaveAlone(textOf(target), why)
    return
  }
  if (host.system.isWorkerThread) {
    const address = textOf(target)
    announceListen(server, address)
    host.logger.warn(threadNotice(address))
    return
  }
  // See docs/decisions.md, "One process of a tree is registered"
  registerRecord()?.hideFromChildren()
  host.suggest({ otherSignalListeners: 'hold' })
  manage(server, undefined, 'register')
}

/** Returns `port 3000`, `localhost:3000` or a path. */
function textOf(target: ListenTarget): string {
  if (target.kind === 'path') return target.path
  if (target.kind === 'fd') return `descriptor ${String(target.fd)}`
  if (target.kind === 'other') return 'something else'
  const port = String(target.port)
  return target.host === undefined ? `port ${port}` : `${target.host}:${port}`
}

/** Returns why a server is left alone; `undefined` if the next generation has to listen where it does. */
function whyLeft(target: ListenTarget, pid: number): string | undefined {
  switch (target.kind) {
    case 'tcp':
      return target.port === 0 ? 'the system chooses the port, which no client can know' : undefined
    case 'path':
      // `/tmp/tool-4711.sock` is another path in the next generation.
      return target.path.includes(String(pid)) ? 'the pid is part of the path' : undefined
    case 'fd':
      return 'a restart cannot hand it over'
    case 'other':
      return 'Node refuses it, or only Node knows what it is'
    default:
      return target satisfies never
  }
}
