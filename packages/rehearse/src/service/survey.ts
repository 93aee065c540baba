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
  /** Ends the questions, which then reject with what it says. */
  signal: AbortSignal
}

/** What a server is like before the load. */
export interface Survey {
  plan: Plan
  /** The header that holds the pid; undefined if none does. */
  pidHeader: string | undefined
  /** Paths of an access log that fail in calm, and why: `has status 500`. */
  leftOut: { path: string; why: string }[]
}

const firstError = 500

/**
 * Sends each request once, in calm: what a server responds then is what is expected of it under load.
 *
 * @throws (rejects) {RehearseError} if it does not serve what is wanted
 */
export async function survey(target: Target, question: Question): Promise<Survey> {
  const { paths, isHttp2, pidHeaders, signal } = question
  const ask = (call: Call, pidHeader = ''): Promise<Reply> =>
    askOnce({ ...target, pidHeader }, isHttp2, call)
  const planned: PlannedPath[] = []
  const leftOut: Survey['leftOut'] = []
  for (const { isFromLog = false, ...each } of paths) {
    signal.throwIfAborted()
    const reply = await ask(getOf(each.path))
    const { status = firstError } = reply
    if (status < firstError) planned.push({ ...each, status })
    else if (isFromLog) leftOut.push({ path: each.path, why: whyFailed(reply) })
    else {
      throw new RehearseError(
        `GET ${each.path} at ${target.authority} ${whyFailed(reply)} before the load began: ` +
          adviceOn(reply, target, isHttp2),
      )
    }
  }
  if (paths.length > 0 && planned.length === 0) {
    throw new RehearseError(
      'no path of the access log works: each fails, or has a status of 500 or more',
    )
  }
  const echo =
    question.echo === undefined ? undefined : await echoOf(question.echo, ask, target, isHttp2)
  if (question.webSocketPath !== undefined) await checkEchoes(target, question.webSocketPath)
  const plan = new Plan(planned, echo)
  for (const pidHeader of pidHeaders) {
    if ((await ask(plan.next(), pidHeader)).pid !== undefined) return { plan, pidHeader, leftOut }
  }
  return { plan, pidHeader: undefined, leftOut }
}

async function echoOf(
  path: string,
  ask: (call: Call) => Promise<Reply>,
  target: Target,
  isHttp2: boolean,
): Promise<PlannedPath> {
  const planned = { path, weight: 1, status: 200 }
  const call = new Plan([], planned).next()
  const reply = await ask(call)
  if (reply.status === undefined) {
    throw new RehearseError(
      `POST ${path} at ${target.authority} ${whyFailed(reply)} before the load began: ` +
        adviceOn(reply, target, isHttp2),
    )
  }
  planned.status = reply.status
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

function whyFailed({ status, outcome, detail }: Reply): string {
  return status === undefined ? `fails (${outcome}, ${detail})` : `has status ${status}`
}

/** Says what to try after a request that failed. */
function adviceOn(
  { status, outcome }: Reply,
  { authority, isTls }: Target,
  isHttp2: boolean,
): string {
  if (status !== undefined) return 'name a path that works: --path'
  if (outcome === 'refused') return 'is the server up? Say where it is: --url'
  if (outcome === 'timed-out') return 'if it needs longer, --timeout 30s'
  if (isHttp2) return 'if it speaks HTTP/1, leave out --http2'
  return isTls
    ? `if it speaks no TLS, --url http://${authority}`
    : `if it speaks TLS, --url https://${authority}`
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
