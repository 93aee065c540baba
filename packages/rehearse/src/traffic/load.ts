import type { Client } from './client.js'
import { FreshClients } from './fresh-clients.js'
import { IdleClient } from './idle-client.js'
import { KeptClient } from './kept-client.js'
import { KeptConnection } from './kept-connection.js'
import { SocketClient } from './socket-client.js'

/** How much load, in connections and requests a second. */
export interface LoadSize {
  /** Connections that are kept, and busy again and again. */
  kept: number
  /** Requests a second on all kept connections together; 0: as many as the server answers. */
  rate: number
  /** New connections a second, each for one request. */
  fresh: number
  /** Connections that are kept, and idle for as long as the server allows. */
  idle: number
  /** WebSockets, and the path that echoes their messages. */
  webSockets: number
  webSocketPath: string | undefined
}

/** How many clients share a connection over HTTP/2. */
const clientsOnOne = 5

/** All clients of one server. They retry nothing. */
export class Load {
  readonly #clients: readonly { start(): void; stop(): Promise<void> }[]

  constructor(client: Client, size: LoadSize) {
    const everyMs = size.rate === 0 ? 0 : (size.kept * 1_000) / size.rate
    let last = new KeptConnection(client, 'kept')
    const { webSocketPath } = size
    this.#clients = [
      ...Array.from({ length: size.kept }, (_, at) => {
        if (!client.isHttp2 || at % clientsOnOne === 0) last = new KeptConnection(client, 'kept')
        return new KeptClient(client, last, everyMs)
      }),
      new FreshClients(client, size.fresh),
      ...Array.from({ length: size.idle }, () => new IdleClient(client)),
      ...(webSocketPath === undefined
        ? []
        : Array.from({ length: size.webSockets }, () => new SocketClient(client, webSocketPath))),
    ]
  }

  start(): void {
    for (const client of this.#clients) client.start()
  }

  /** Stops sending; resolves when the requests on their way have ended and all connections are closed. */
  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.stop()))
  }
}
