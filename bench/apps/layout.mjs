// Preloaded with `--import`: creates as many unused classes as its URL says. See bench/lib/layout.js.
const count = Number(new URL(import.meta.url).searchParams.get('classes'))
globalThis.unusedClasses = Array.from({ length: count }, () => new (class {})())
