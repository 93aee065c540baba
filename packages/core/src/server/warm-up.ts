import type http from 'node:http'
import type { AskServer, WarmUp } from '../api/options.js'
import type { System } from '../node/system.js'
import { askServer } from './ask-server.js'

// What a successor asks of itself before it is ready, so that no client pays for what only first requests cost.
// See docs/decisions.md, "First requests can be slow"

/**
 * Asks a server for each path in turn, or lets a function of the application ask.
 *
 * @param timeoutMs for all of it
 * @throws (rejects) what the function throws, or an `Error` that names the first path without an answer below 500
 */
export async function warmUpServer(
  server: http.Server,
  given: WarmUp,
  { system, timeoutMs }: { system: Pick<System, 'setTimeout' | 'now'>; timeoutMs: number },
): Promise<void> {
  const endMs = system.now() + timeoutMs
  const ask: AskServer = (path) =>
    askServer(server, path, {
      system,
      timeoutMs: Math.max(0, endMs - system.now()),
      userAgent: 'endless-warm-up',
    })
  if (typeof given === 'function') {
    await given(ask)
    return
  }
  for (const path of given) {
    const status = await ask(path)
    if (status >= 500) throw new Error(`GET ${path} was answered ${String(status)}`)
  }
}
