import net from 'node:net'
import type { Loss } from './ledger.js'

/** A stream or a tunnel: whoever has accepted it drains for as long as it is open. */
export class Hold {
  /** The process that has it; `undefined` before that has answered. */
  pid: number | undefined
  /** Whether it stays until the round has settled. */
  readonly isForEver: boolean
  readonly #socket: net.Socket
  #isOver = false
  #timer: NodeJS.Timeout | undefined

  constructor(
    port: number,
    {
      how,
      forMs,
      onLost,
    }: {
      how: 'stream' | 'tunnel'
      forMs: number | 'ever'
      /** Called once if the connection ends before the client ends it. */
      onLost: (loss: Omit<Loss, 'atMs'>) => void
    },
  ) {
    this.isForEver = forMs === 'ever'
    const upgrade = how === 'tunnel' ? 'Connection: upgrade\r\nUpgrade: echo\r\n' : ''
    const socket = net.connect(port, '127.0.0.1')
    this.#socket = socket
    let clientPort: number | undefined
    let code: string | undefined
    let head = ''
    socket.on('connect', () => {
      clientPort = socket.localPort
      socket.write(`GET /stream HTTP/1.1\r\nHost: localhost\r\n${upgrade}\r\n`)
    })
    socket.on('data', (data) => {
      if (this.pid !== undefined) return
      head += data.toString('latin1')
      const pid = /^x-pid: (\d+)\r$/im.exec(head)?.[1]
      if (pid !== undefined) this.pid = Number(pid)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => (code = error.code))
    socket.on('close', () => {
      if (this.#isOver) return
      this.end()
      const connection = clientPort === undefined ? undefined : { clientPort, serverPort: port }
      onLost({ what: `a ${how} was cut`, code, connection })
    })
    if (forMs !== 'ever') this.#timer = setTimeout(() => this.end(), forMs)
  }

  get isOpen(): boolean {
    return !this.#isOver
  }

  end(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#socket.destroy()
  }
}
