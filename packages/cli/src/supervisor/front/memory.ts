import v8 from 'node:v8'

/**
 * Has V8 collect all garbage whenever it collects any. What is left of a generation has outlived some
 * collections of young objects, and V8 looks for old garbage only when there is much of it: over a
 * thousand restarts this process would grow to about twice its size. Its heap holds 5 MB, of which a full
 * collection takes some 10 ms, and less than one comes in a restart.
 *
 * Each collection looks at this option (V8, src/heap/heap.cc, SelectGarbageCollector), so that it can
 * be set while the process runs: once something serves, as it would slow the start.
 */
export function keepMemoryFlat(): void {
  v8.setFlagsFromString('--gc-global')
}
