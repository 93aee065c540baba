import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Logger } from '../api/logger.js'
import type { System } from '../node/system.js'

/** How long one message may take: systemd-notify itself waits up to 5 s for the manager to have read it. */
const patienceMs = 10_000

/**
 * Reads messages, one on a line and its variables between tabs, and answers each with the exit code of
 * systemd-notify. It lives through the signals that end a whole service: the last words go through it.
 */
const script = `trap '' HUP INT TERM
IFS='\t'
set -f
while read -r line; do systemd-notify $line; echo $?; done`

/**
 * The way to the service manager. Node has no sockets of the kind that it listens on, so systemd-notify
 * sends. A small helper starts that: forking a large Node process holds it up, for 24 ms with 1 GB.
 */
export class Notifier {
  readonly #system: System
  readonly #socket: string
  readonly #logger: () => Logger
  readonly #waiting: ((code: string) => void)[] = []
  #helper: ChildProcess | undefined
  #hasWarned = false

  constructor(system: System, socket: string, logger: () => Logger) {
    this.#system = system
    this.#socket = socket
    this.#logger = logger
  }

  /**
   * Tells it, after what was told before; settles when it knows, or cannot be told.
   *
   * @param variables `['READY=1', 'STATUS=generation 0 serves']`
   */
  async send(...variables: string[]): Promise<void> {
    const code = await this.#ask(variables.map(oneLine).join('\t'))
    if (code === '0' || this.#hasWarned) return
    this.#hasWarned = true
    this.#logger().warn(
      `Cannot tell the service manager ${variables[0] ?? ''}: systemd-notify ${code === '' ? 'did not run' : `ended with ${code}`}. ` +
        'It must be installed here, and the unit needs NotifyAccess=all.',
    )
  }

  #ask(line: string): Promise<string> {
    return new Promise((resolve) => {
      const helper = (this.#helper ??= this.#start())
      if (!helper) {
        resolve('')
        return
      }
      // Referenced: what waits for this is the exit, or a restart.
      const timer = this.#system.setTimeout(() => helper.kill('SIGKILL'), patienceMs)
      this.#waiting.push((code) => {
        clearTimeout(timer)
        resolve(code)
      })
      helper.stdin?.write(`${line}\n`)
    })
  }

  #start(): ChildProcess | undefined {
    const { env } = this.#system
    let helper: ChildProcess
    try {
      helper = this.#system.spawn('/bin/sh', ['-c', script], {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { PATH: env['PATH'], NOTIFY_SOCKET: this.#socket },
      })
    } catch {
      return undefined // as when it exits: whoever sends is told
    }
    const ended = (): void => {
      this.#helper = undefined
      for (const answer of this.#waiting.splice(0)) answer('')
    }
    helper.on('error', ended)
    helper.on('exit', ended)
    helper.stdin?.on('error', () => undefined) // it is gone, which its exit tells
    helper.stdout?.on('data', (codes: Buffer) => {
      for (const code of codes.toString().match(/\d+/g) ?? []) this.#waiting.shift()?.(code)
    })
    // It ends when this process does, and must not keep it from that.
    helper.unref()
    for (const stream of [helper.stdin, helper.stdout]) (stream as Socket | null)?.unref()
    return helper
  }
}

function oneLine(variable: string): string {
  return variable.replace(/[\x00-\x1f]+/g, ' ')
}
