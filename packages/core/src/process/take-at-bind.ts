import type dgram from 'node:dgram'
import { formatAddress } from '../listeners/address.js'
import { UdpSocket } from '../listeners/udp-socket.js'
import { aroundBind } from '../node/internals/udp-handle.js'
import { registerRecord } from '../node/register-record.js'
import { announceBind } from '../node/threads.js'
import { threadNotice } from './notices.js'
import { currentRuntime } from './runtime.js'

// What the preload `register` does with a UDP socket that is about to be bound to a fixed port.
// See docs/decisions.md, "One UDP socket, and one process that reads from it"

/** Makes a UDP socket one that is passed on, unless a restart could not hand it over. */
export function takeAtBind(socket: dgram.Socket): void {
  const { host } = currentRuntime()
  if (host.system.isClusterWorker) return
  if (host.system.isWorkerThread) {
    aroundBind(socket, (bind, { address, port }) => {
      const errno = bind()
      if (errno !== 0) return errno
      const name = formatAddress({ transport: 'udp', address, family: '', port })
      announceBind(socket, name)
      host.logger.warn(threadNotice(name))
      return 0
    })
    return
  }
  // See docs/decisions.md, "One process of a tree is registered"
  registerRecord()?.hideFromChildren()
  new UdpSocket(socket, host)
}
