import { ConnectionLog } from '../record/connection-log.js'
import { Plan, type PlannedPath, type WeightedPath } from '../traffic/plan.js'
import type { Call, Reply, Target } from '../wire/call.js'
import { Http1Connection } from '../wire/http1-connection.js'
import { Http2Connection } from '../wire/http2-connection.js'
import { MessageSocket } from '../wire/message-socket.js'
import { RehearseError } from './rehearse-error.js'

/** What is asked of a server before the load. */
export interface Question {
  paths: readonly WeightedPath[]
  echo: string | undefined
  webSocketPath: string | undefined
  isHttp2: boolean
  /** Headers that may hold the pid, the best first. */
  pidHeaders: readonly string[]
}

/** What a server is like before the load. */
export interface Survey {
  plan: Plan
  /** The header that holds the pid; undefined if none does. */
  pidHeader: string | undefined
}

/** A path of an access log that fails in calm is left out; a path that was named must work. */
const firstError = 500

/**
 * Sends each request once, in calm: what a server responds then is what is expected of it under load.
 *
 * @throws (rejects) {RehearseError} if it does not serve what is wanted
 */
export async function survey(target: Target, question: Question): Promise<Survey> {
  const { paths, isHttp2, pidHeaders } = question
  const ask = (call: Call, pidHeader = ''): Promise<Reply> =>
    askOnce({ ...target, pidHeader }, isHttp2, call)
  const planned: PlannedPath[] = []
  for (const each of paths) {
    const status = statusIn(await ask(getOf(each.path)), `GET ${each.path}`, target)
    if (status < firstError) planned.push({ ...each, status })
    else if (paths.length === 1) {
      throw new RehearseError(
        `GET ${each.path} has status ${status}: name a path that works: --path`,
      )
    }
  }
  if (paths.length > 0 && planned.length === 0) {
    throw new RehearseError('none of the paths works: each has a status of 500 or more')
  }
  const echo = question.echo === undefined ? undefined : await echoOf(question.echo, ask, target)
  if (question.webSocketPath !== undefined) await checkEchoes(target, question.webSocketPath)
  const plan = new Plan(planned, echo)
  for (const pidHeader of pidHeaders) {
    if ((await ask(plan.next(), pidHeader)).pid !== undefined) return { plan, pidHeader }
  }
  return { plan, pidHeader: undefined }
}

async function echoOf(
  path: string,
  ask: (call: Call) => Promise<Reply>,
  target: Target,
): Promise<PlannedPath> {
  const planned = { path, weight: 1, status: 200 }
  const call = new Plan([], planned).next()
  const reply = await ask(call)
  planned.status = statusIn(reply, `POST ${path}`, target)
  const verdict = (await ask(new Plan([], planned).next())).outcome
  if (verdict !== 'answered') {
    throw new RehearseError(
      `POST ${path} does not echo: its response has to be what was sent (${verdict})`,
    )
  }
  return planned
}

async function checkEchoes(target: Target, path: string): Promise<void> {
  const trace = new ConnectionLog(() => 0).begin('websocket')
  const socket = new MessageSocket(target, path, trace, { onUnasked: () => undefined })
  const { outcome, detail } = await socket.send('rehearse')
  socket.close()
  if (outcome !== 'answered') {
    throw new RehearseError(
      `no WebSocket at ${path} that echoes its messages: ${outcome}, ${detail}`,
    )
  }
}

function statusIn(reply: Reply, name: string, { authority }: Target): number {
  if (reply.status !== undefined) return reply.status
  throw new RehearseError(
    `${name} at ${authority} fails in calm: ${reply.outcome}, ${reply.detail}`,
  )
}

async function askOnce(target: Target, isHttp2: boolean, call: Call): Promise<Reply> {
  const trace = new ConnectionLog(() => 0).begin('fresh')
  const wire = isHttp2
    ? new Http2Connection(target, trace)
    : new Http1Connection(target, false, trace, { onUnasked: () => undefined })
  const reply = await wire.send(call)
  await wire.close()
  return reply
}

function getOf(path: string): Call {
  return { name: `GET ${path}`, method: 'GET', path, status: 200 }
}
