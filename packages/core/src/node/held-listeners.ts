import { constants } from 'node:os'
import { shadow } from './shadow.js'

// Signal listeners of the program that are not called when the signal comes, but later, as clean-up.

/** What {@link holdListeners} needs of `process`. */
interface Emitter {
  emit(event: string | symbol, ...args: unknown[]): boolean
  on(event: string | symbol, listener: (...args: unknown[]) => void): unknown
  removeAllListeners(event: string | symbol): unknown
  rawListeners(event: string | symbol): readonly unknown[]
  readonly pid?: number
  kill?(pid: number, signal?: string | number): true
}

/** Listeners that are held back. */
export interface HeldListeners {
  /**
   * Calls each listener to a signal once; returns what they returned. Those that are `own` are not called.
   * The list is copied first: a listener may remove the others.
   *
   * @param endsItself called when the program sends such a signal to its own process from now on, by
   * `process.kill`, as many listeners do in the end
   */
  call(signal: NodeJS.Signals, own: unknown, endsItself: () => void): unknown[]
  /** How many listeners to a signal there are besides `own`. */
  count(signal: NodeJS.Signals, own: unknown): number
  /** Lets the signals reach all listeners again. */
  release(): void
}

/**
 * Holds back all listeners to some signals, also those that are added later, and tells `onSignal` of each
 * signal instead. The program sees its listeners, and can remove them, as ever.
 *
 * Node calls `process.emit` for a signal, as it was when the first listener was added
 * (lib/internal/process/signal.js). So all are added anew.
 * See docs/decisions.md, "Listeners are held where Node emits signals"
 */
export function holdListeners(
  emitter: Emitter,
  signals: readonly NodeJS.Signals[],
  onSignal: (signal: NodeJS.Signals) => void,
): HeldListeners {
  const held = new Set<string | symbol>(signals)
  const emit = emitter.emit.bind(emitter)
  const emitHeld = (event: string | symbol, ...args: unknown[]): boolean => {
    if (!held.has(event)) return emit(event, ...args)
    onSignal(event as NodeJS.Signals)
    return true
  }
  const before = signals.map((signal) => [signal, [...emitter.rawListeners(signal)]] as const)
  for (const signal of signals) emitter.removeAllListeners(signal)
  const undo = shadow(emitter, 'emit', emitHeld)
  for (const [signal, listeners] of before) {
    for (const listener of listeners) emitter.on(signal, listener as () => void)
  }
  const others = (signal: NodeJS.Signals, own: unknown): ((...args: unknown[]) => unknown)[] =>
    emitter.rawListeners(signal).filter((listener) => listener !== own) as (() => unknown)[]
  return {
    call(signal, own, endsItself) {
      const { pid } = emitter
      const kill = emitter.kill?.bind(emitter)
      shadow(emitter, 'kill', (to: number, which?: string | number) => {
        const isHeld = held.has(which as string) || which === undefined
        if (to !== pid || !isHeld) return kill?.(to, which)
        endsItself()
        return true
      })
      const number = constants.signals[signal]
      return others(signal, own).map((listener) => listener.call(emitter, signal, number))
    },
    count: (signal, own) => others(signal, own).length,
    release() {
      held.clear()
      // If somebody has wrapped it meanwhile, it stays underneath, and passes everything on.
      if (emitter.emit === emitHeld) undo()
    },
  }
}
