/** Formats a duration for a log line or an error: `250 ms`, `1.5 s`, `60 s`. */
export function durationOf(durationMs: number): string {
  return durationMs < 1_000
    ? `${String(Math.round(durationMs))} ms`
    : `${String(Math.round(durationMs / 100) / 10)} s`
}
