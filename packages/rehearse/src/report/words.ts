import type { ConnectionKind } from '../record/connection-log.js'
import type { Report } from './report.js'
import { count, ms, number } from './verdict.js'

// Words that the page and the terminal share.

/** Names of the kinds of connections, for tables. */
export const kindNames: Readonly<Record<ConnectionKind, string>> = {
  kept: 'kept and busy',
  idle: 'kept and idle',
  fresh: 'fresh, one request',
  websocket: 'WebSocket',
}

/** What the numbers cannot say. */
export function notesOf({
  client,
  requests,
  processesKnownBy,
  respawns,
  server,
}: Report): string[] {
  const notes: string[] = []
  if (client.stalls > 0) {
    notes.push(
      `The rehearsal itself stood still ${count(client.stalls, 'time')} for at least 20 ms, ` +
        `${ms(client.longestStallMs)} at the longest: the latency of ${number(client.stalledRequests)} ` +
        "requests has part of that, which is not the server's.",
    )
  }
  if (requests.skipped > 0) {
    notes.push(
      `${count(requests.skipped, 'request')} could not be sent when due: too many were unanswered.`,
    )
  }
  if (processesKnownBy === null) {
    notes.push(
      'Which process answered is not known: moved connections and the first answer of a new process are not told. ' +
        'A server tells it with a header, x-pid; one that the rehearsal starts tells it by itself: -- endless run app.js.',
    )
  }
  if (respawns > 0) {
    notes.push(
      `The server ended as a whole ${count(respawns, 'time')}, and was started again at once, as a service manager does. ` +
        `What is lost with endless, which never stops serving: endless rehearse -- endless run -- ${server ?? ''}`,
    )
  }
  return notes
}
