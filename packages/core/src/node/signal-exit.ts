// The package signal-exit, which many tools load: its listeners do nothing while another listener is there.

interface Emitter {
  /** How many listeners it has put on each of its signals; it compares that with all listeners there. */
  count?: unknown
}

/** Returns how many listeners signal-exit has on each signal that ends a process; 0 without it. */
export function signalExitListeners(): number {
  const { __signal_exit_emitter__: upToThree } = process as { __signal_exit_emitter__?: Emitter }
  const sinceFour = (globalThis as Record<symbol, unknown>)[Symbol.for('signal-exit emitter')]
  return countOf(upToThree) + countOf(sinceFour as Emitter | undefined)
}

function countOf(emitter: Emitter | undefined): number {
  const count = emitter?.count
  return typeof count === 'number' && count > 0 ? count : 0
}
