import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Logger } from '../api/logger.js'
import { oneLine } from '../api/one-line.js'
import type { System } from '../node/system.js'

// Sends messages to the service manager.

/** Limit for one message; systemd-notify itself waits up to 5 s for the manager to read it. */
const patienceMs = 10_000
/** The longest variable: a status is shown in one line. */
const longestVariable = 200

/**
 * Helper that reads messages, one per line with tabs between the variables, and prints the exit code of
 * systemd-notify for each. It ignores the signals that end a whole service: it sends the last messages.
 */
const script = `trap '' HUP INT TERM
IFS='\t'
set -f
while read -r line; do systemd-notify $line; echo $?; done`

/**
 * Sends messages through systemd-notify, since Node has no Unix datagram sockets. A small helper starts
 * systemd-notify, since forking holds up a large Node process.
 * See docs/decisions.md, "A helper speaks to systemd"
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
   * Sends a message, after all earlier messages. Settles when the service manager has read it, or
   * cannot be told; never rejects.
   *
   * @param variables `['READY=1', 'STATUS=generation 0 serves']`
   */
  async send(...variables: string[]): Promise<void> {
    const code = await this.#ask(variables.map((each) => oneLine(each, longestVariable)).join('\t'))
    if (code === '0' || this.#hasWarned) return
    this.#hasWarned = true
    this.#logger().warn(
      `Cannot tell the service manager ${variables[0] ?? ''}: ` +
        `systemd-notify ${code === '' ? 'did not run' : `ended with ${code}`}. ` +
        'Install it here, and set NotifyAccess=all in the unit.',
    )
  }

  #ask(line: string): Promise<string> {
    return new Promise((resolve) => {
      const helper = (this.#helper ??= this.#start())
      if (!helper) {
        resolve('')
        return
      }
      // Referenced: the exit or a restart waits for this message.
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
      return undefined // like an exit of the helper: `send` logs it
    }
    const ended = (): void => {
      this.#helper = undefined
      for (const answer of this.#waiting.splice(0)) answer('')
    }
    helper.on('error', ended)
    helper.on('exit', ended)
    helper.stdin?.on('error', () => undefined) // the helper is gone, and 'exit' reports that
    helper.stdout?.on('data', (codes: Buffer) => {
      for (const code of codes.toString().match(/\d+/g) ?? []) this.#waiting.shift()?.(code)
    })
    // The helper ends with this process, and must not keep it alive.
    helper.unref()
    for (const stream of [helper.stdin, helper.stdout]) (stream as Socket | null)?.unref()
    return helper
  }
}
