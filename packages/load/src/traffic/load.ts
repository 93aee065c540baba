import type { WaitOptions } from '../program/until.js'
import { FreshConnections } from './fresh-connections.js'
import { KeptConnection } from './kept-connection.js'
import { type LoadOptions, resolveOptions } from './options.js'
import { Recorder } from './recorder.js'
import type { LoadReport } from './report.js'
import type { RestartTiming } from './restart-windows.js'
import { Sender } from './sender.js'

/** Clients that put load on one server; see {@link createLoad}. */
export interface Load {
  start(): void
  /**
   * Opens a restart window. Call this right before sending the signal.
   *
   * @throws Error if no process has answered yet
   */
  markRestart(): void
  /**
   * Resolves when the window of the last restart has closed: `settleMs` after the first answer of
   * a new pid. Without a new pid, rejects at the deadline.
   */
  settled(wait?: Partial<WaitOptions>): Promise<RestartTiming>
  /**
   * Counts the response times while `action` runs as those of a control: of something beside the service, to compare
   * restarts with.
   */
  control(action: () => Promise<void>): Promise<void>
  /** Reports on the requests that have ended so far. */
  snapshot(): LoadReport
  /** Stops sending, waits for requests in flight, closes the connections. A later call joins the first. */
  stop(): Promise<LoadReport>
}

/** Creates clients that never retry, so that every lost request is seen. */
export function createLoad(options: LoadOptions): Load {
  const settings = resolveOptions(options)
  const recorder = new Recorder(settings)
  const sender = new Sender(settings, recorder)
  const clients = [
    new FreshConnections(sender, recorder, settings.freshPerSecond),
    ...Array.from(
      { length: settings.keepAliveConnections },
      (_, index) => new KeptConnection(index + 1, sender, recorder, settings.thinkMs),
    ),
  ]
  let stopped: Promise<LoadReport> | undefined

  async function stop(): Promise<LoadReport> {
    recorder.connections.stop()
    await Promise.all(clients.map((client) => client.stop()))
    recorder.stop()
    return recorder.report()
  }

  return {
    start() {
      recorder.start()
      for (const client of clients) client.start()
    },
    markRestart: () => recorder.windows.mark(recorder.nowMs),
    settled: (wait) =>
      recorder.windows.settled({ step: 'the restart settles', deadlineMs: 30_000, ...wait }),
    async control(action) {
      recorder.controls.open(recorder.nowMs)
      try {
        await action()
      } finally {
        recorder.controls.close(recorder.nowMs)
      }
    },
    snapshot: () => recorder.report(),
    stop: () => (stopped ??= stop()),
  }
}
