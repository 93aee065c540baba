/**
 * Decides which requests met a control: something that happens beside the service, whose effect on its response times
 * is compared with that of a restart.
 */
export class ControlWindows {
  readonly #windows: { beganMs: number; endsMs: number }[] = []

  open(nowMs: number): void {
    this.#windows.push({ beganMs: nowMs, endsMs: Infinity })
  }

  close(nowMs: number): void {
    for (const window of this.#windows) window.endsMs = Math.min(window.endsMs, nowMs)
  }

  /** Whether any part of the span lies in a window. */
  meets(fromMs: number, toMs: number): boolean {
    return this.#windows.some(({ beganMs, endsMs }) => beganMs <= toMs && endsMs >= fromMs)
  }
}
