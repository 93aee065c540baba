import type { RestartRecord } from '../record/recorder.js'

/** The time in which a restart may be noticed, in ms since the rehearsal began. */
export interface Window {
  fromMs: number
  toMs: number
}

/** Returns the window of each restart; one that is still open ends with the rehearsal. */
export function windowsOf(restarts: readonly RestartRecord[], durationMs: number): Window[] {
  return restarts.map(({ atMs, endMs }) => ({ fromMs: atMs, toMs: endMs ?? durationMs }))
}

/** Returns the index of the first window that any part of the span lies in; -1 if none. */
export function windowAt(windows: readonly Window[], fromMs: number, toMs: number): number {
  return windows.findIndex((window) => window.fromMs <= toMs && window.toMs >= fromMs)
}
