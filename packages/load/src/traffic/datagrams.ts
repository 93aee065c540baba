import dgram from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

/** What became of the datagrams that were sent. */
export interface DatagramReport {
  sent: number
  /** Numbers of those that were not answered. */
  lost: number[]
  /** How many the kernel has dropped since the socket was bound, as its buffer was full. Counted on Linux only. */
  full: number
  /** How many each process has answered, by the name that it gives in its answers. */
  answers: Map<string, number>
}

/** Datagrams to a service that answers each with its text and a name: `17`, answered by `17 4711`. */
export interface DatagramLoad {
  /** The number of answers so far. */
  readonly answered: number
  /** Stops sending; resolves when all are answered, or none has been for a second. */
  stop(): Promise<DatagramReport>
}

const tickMs = 2
const silentMs = 1_000

/** Sends datagrams to a port of `127.0.0.1`, and retries none. */
export async function startDatagrams(port: number, perSecond: number): Promise<DatagramLoad> {
  const client = dgram.createSocket({ type: 'udp4', recvBufferSize: 1_000_000 })
  const answeredBy = new Map<number, string>()
  let sent = 0
  let heardMs = performance.now()
  client.on('message', (message) => {
    const [number, name = ''] = message.toString().split(' ')
    answeredBy.set(Number(number), name)
    heardMs = performance.now()
  })
  // Nobody has the port, say: what was sent counts as lost.
  client.on('error', () => undefined)
  client.connect(port, '127.0.0.1')
  await once(client, 'connect')
  let dueMs = performance.now()
  const timer = setInterval(() => {
    // After a pause of this process, none is made up for: that would be a burst that nobody has asked for.
    dueMs = Math.max(dueMs, performance.now() - 5 * tickMs)
    for (; dueMs <= performance.now(); dueMs += 1_000 / perSecond) client.send(String(sent++))
  }, tickMs)
  return {
    get answered() {
      return answeredBy.size
    },
    async stop() {
      clearInterval(timer)
      const sinceMs = performance.now()
      while (answeredBy.size < sent && performance.now() - Math.max(heardMs, sinceMs) < silentMs) {
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      client.close()
      const answers = new Map<string, number>()
      for (const name of answeredBy.values()) answers.set(name, (answers.get(name) ?? 0) + 1)
      const lost = Array.from({ length: sent }, (_, number) => number).filter(
        (number) => !answeredBy.has(number),
      )
      return { sent, lost, full: droppedAt(port), answers }
    },
  }
}

/** How many datagrams the kernel has dropped at the sockets that are bound to a port. */
function droppedAt(port: number): number {
  if (process.platform !== 'linux') return 0
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const fields = readFileSync('/proc/net/udp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  // sl local_address rem_address … inode ref pointer drops
  const own = fields.filter(([, local]) => local?.endsWith(`:${hex}`))
  return own.reduce((sum, each) => sum + Number(each.at(-1)), 0)
}
