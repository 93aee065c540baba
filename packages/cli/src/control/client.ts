import http from 'node:http'
import { controlVersion, type ServiceStatus, versionHeader } from '@endless/core/for-cli'
import type { Asker } from './asker.js'
import { Failure } from './failure.js'
import { locate, type ServicePaths } from './locate.js'

// The client of a service's control socket.

/** How long a service may take until its first sign of life. */
const heardMs = 5_000
const maxAnswerBytes = 4_194_304
/** Bounds the redirects: a service that restarts again and again redirects a command as often. */
const maxMoves = 20

interface Reply {
  status: number
  /** Target for a second request, if another process serves now. */
  location: string | undefined
  body: unknown
}

/**
 * Sends the requests of a command to a service.
 * See docs/decisions.md, "Commands ask for the status first"
 */
export class Client {
  readonly #paths: ServicePaths
  readonly #asker: Asker

  constructor(paths: ServicePaths, asker: Asker) {
    this.#paths = paths
    this.#asker = asker
  }

  /**
   * Asks for the status of the service.
   *
   * @throws (rejects) {Failure} if there is no such service, or it cannot be asked
   */
  async status(): Promise<ServiceStatus> {
    return (await this.#ask('GET', '/status')) as ServiceStatus
  }

  /**
   * Makes the service do something; resolves with the service's report when that is done.
   *
   * @param onProgress called with 0 at the first sign of life, and then with the number of each step
   * @throws (rejects) {Failure} if it was not done
   */
  async order<Answer>(target: string, onProgress?: (step: number) => void): Promise<Answer> {
    return (await this.#ask('POST', target, onProgress)) as Answer
  }

  async #ask(
    method: 'GET' | 'POST',
    target: string,
    onProgress?: (step: number) => void,
  ): Promise<unknown> {
    let path = target
    for (let move = 0; move < maxMoves; move++) {
      // Located anew each time: another process has another socket at the same path.
      const socketPath = locate(this.#paths, this.#asker)
      const reply = await exchange({ socketPath, method, path }, onProgress)
      if (reply.status === 307) {
        path = reply.location ?? target
        continue
      }
      if (reply.status < 300) return reply.body
      const { error } = reply.body as { error?: { message?: string; stderr?: string[] } }
      throw new Failure(
        'failed',
        error?.message ?? `the service responded with status ${String(reply.status)}`,
        error?.stderr,
      )
    }
    throw new Failure('failed', 'the service restarts again and again: try again later')
  }
}

function exchange(
  options: { socketPath: string; method: string; path: string },
  onProgress?: (step: number) => void,
): Promise<Reply> {
  const { socketPath } = options
  return new Promise((resolve, reject) => {
    let isHeard = false
    let step = 0
    const request = http.request({
      ...options,
      agent: false,
      // A client that names this protocol gets status 102 for each step.
      headers: { [versionHeader]: controlVersion },
    })
    // Referenced: ends the wait for a service that is stopped or stuck.
    const silence = setTimeout(() => {
      reject(new Failure('failed', `the service at ${socketPath} does not answer`))
      request.destroy()
    }, heardMs)
    const heard = (): void => {
      isHeard = true
      clearTimeout(silence)
    }
    request.on('information', () => {
      heard()
      onProgress?.(step++)
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(silence)
      reject(unreachable(error, socketPath, isHeard))
    })
    request.on('response', (response) => {
      heard()
      resolve(collect(response, socketPath).finally(() => request.destroy()))
    })
    request.end()
  })
}

async function collect(response: http.IncomingMessage, socketPath: string): Promise<Reply> {
  const version = response.headers[versionHeader]
  if (version === undefined) {
    throw new Failure('foreign', `the process that listens at ${socketPath} is not endless`)
  }
  if (version !== String(controlVersion)) {
    throw new Failure(
      'foreign',
      `the service at ${socketPath} speaks version ${String(version)} of the control protocol, ` +
        `and this command speaks version ${String(controlVersion)}: ` +
        "use the endless command of the service's own version",
    )
  }
  let text = ''
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      text += chunk as string
      if (text.length > maxAnswerBytes) throw new Error('it is too long')
    }
    const { statusCode: status = 0, headers } = response
    return { status, location: headers.location, body: JSON.parse(text) as unknown }
  } catch (error) {
    const reason = (error as Error).message
    throw new Failure('failed', `cannot read the answer of the service at ${socketPath}: ${reason}`)
  }
}

function unreachable(
  { code, message }: NodeJS.ErrnoException,
  socketPath: string,
  isHeard: boolean,
): Failure {
  switch (code) {
    case 'ECONNREFUSED':
    case 'ENOENT':
      return new Failure('absent', `nobody listens at ${socketPath}: the service is gone`)
    case 'EACCES':
    case 'EPERM':
      return new Failure(
        'foreign',
        `${socketPath} belongs to another user: run this command as that user`,
      )
    case 'EPIPE':
      return new Failure(
        'failed',
        `the service at ${socketPath} hung up before it had the request: it has too many clients. ` +
          'End commands that hang, and try again',
      )
    case 'ECONNRESET':
      return new Failure(
        'failed',
        isHeard
          ? `the service at ${socketPath} ended before it answered`
          : `the service at ${socketPath} has ended, or has too many clients, and may not have ` +
              'received the request',
      )
    default:
      // HPE_ are the errors of Node's HTTP parser: the answer is not HTTP.
      return code?.startsWith('HPE_')
        ? new Failure('foreign', `the process that listens at ${socketPath} is not endless`)
        : new Failure('failed', `cannot ask the service at ${socketPath}: ${message}`)
  }
}
