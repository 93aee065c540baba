import v8 from 'node:v8'

/**
 * Makes each of V8's garbage collections a full one: over a thousand restarts, this process would
 * otherwise grow to about twice its size.
 *
 * Each collection reads this option (V8, src/heap/heap.cc, SelectGarbageCollector), so it can be set while
 * the process runs: once a generation serves, since it would slow the start.
 * See docs/decisions.md, "The supervisor collects all garbage each time"
 */
export function keepMemoryFlat(): void {
  v8.setFlagsFromString('--gc-global')
}
