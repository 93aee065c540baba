import http from 'node:http'
import { controlVersion, type ServiceStatus, versionHeader } from '@endless/core/for-cli'
import { Failure } from './failure.js'
import { type Asker, locate, type ServiceName } from './locate.js'

/** How long a service may take until it says that it has heard. */
const heardMs = 5_000
const maxAnswerBytes = 4_194_304
/** A service that is restarted again and again hands a command on as often. */
const maxMoves = 20

interface Reply {
  status: number
  /** Where to ask, if another process answers there now. */
  location: string | undefined
  body: unknown
}

/** A service, as a command asks it. */
export class Client {
  readonly #name: ServiceName
  readonly #asker: Asker

  constructor(name: ServiceName, asker: Asker) {
    this.#name = name
    this.#asker = asker
  }

  /** @throws {Failure} if there is no such service, or it cannot be asked */
  async status(): Promise<ServiceStatus> {
    return (await this.#ask('GET', '/status')) as ServiceStatus
  }

  /**
   * Has something done; settles with what the service says of it, when it is done.
   *
   * @param onProgress called with 0 when the service has heard, and then with the number of each step
   * @throws {Failure} if it was not done
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
      // Looked for anew each time: another process has another socket at the same path.
      const socketPath = locate(this.#name, this.#asker)
      const reply = await exchange({ socketPath, method, path }, onProgress)
      if (reply.status === 307) {
        path = reply.location ?? target
        continue
      }
      if (reply.status < 300) return reply.body
      const { error } = reply.body as { error?: { message?: string; stderr?: string[] } }
      throw new Failure('failed', error?.message ?? `status ${String(reply.status)}`, error?.stderr)
    }
    throw new Failure('failed', 'the service is restarted again and again: try later')
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
      // It is told of progress: status 102 for each step.
      headers: { [versionHeader]: controlVersion },
    })
    // Referenced: it ends the wait for a service that is stopped or stuck.
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
    throw new Failure('foreign', `who listens at ${socketPath} is not endless`)
  }
  if (version !== String(controlVersion)) {
    throw new Failure(
      'foreign',
      `the service at ${socketPath} speaks version ${String(version)} of the control protocol, ` +
        `this command version ${String(controlVersion)}: use the command of its own version`,
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
    throw new Failure('failed', `the answer of ${socketPath} cannot be read: ${reason}`)
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
        `${socketPath} belongs to another user: run this command as that`,
      )
    case 'ECONNRESET':
      return new Failure(
        'failed',
        `the service at ${socketPath} ended before it had answered` +
          (isHeard ? '' : ', and may not have heard'),
      )
    default:
      // What is no HTTP, among others.
      return code?.startsWith('HPE_')
        ? new Failure('foreign', `who listens at ${socketPath} is not endless`)
        : new Failure('failed', `cannot ask ${socketPath}: ${message}`)
  }
}
