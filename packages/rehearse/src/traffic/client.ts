import type { ConnectionKind, ConnectionTrace } from '../record/connection-log.js'
import type { Recorder } from '../record/recorder.js'
import type { Call, Reply, Target, Wire } from '../wire/call.js'
import { Http1Connection } from '../wire/http1-connection.js'
import { Http2Connection } from '../wire/http2-connection.js'
import type { Plan } from './plan.js'

/** What all clients of a load share. */
export interface Client {
  target: Target
  isHttp2: boolean
  plan: Plan
  recorder: Recorder
}

/** A connection and the trace that it leaves. */
export interface Traced {
  wire: Wire
  trace: ConnectionTrace
}

/** Begins to open a connection. */
export function open({ target, isHttp2, recorder }: Client, kind: ConnectionKind): Traced {
  const trace = recorder.connections.begin(kind)
  const onUnasked = (detail: string): void => recorder.gotUnasked(trace, detail)
  const wire = isHttp2
    ? new Http2Connection(target, trace)
    : new Http1Connection(target, kind !== 'fresh', trace, { onUnasked })
  return { wire, trace }
}

/**
 * Sends a call and records what became of it.
 *
 * @param sentMs when the request counts as sent
 */
export async function exchange(
  { recorder }: Client,
  { wire, trace }: Traced,
  call: Call,
  sentMs = recorder.nowMs,
): Promise<Reply> {
  const reply = await wire.send(call)
  record(recorder, trace, reply, call.name, sentMs)
  return reply
}

/** Records what became of a request. */
export function record(
  recorder: Recorder,
  trace: ConnectionTrace,
  { outcome, detail, pid }: Reply,
  call: string,
  sentMs: number,
): void {
  const process = pid === undefined ? -1 : recorder.answeredBy(pid)
  trace.answeredBy(process)
  recorder.ended({ sentMs, outcome, detail, call, process, connection: trace })
}
