/** What is laid over one property of an object, the lowest first, and the property that was there before. */
interface Layers {
  own: PropertyDescriptor | undefined
  laid: { value: unknown }[]
}

const shadowed = new WeakMap<object, Map<string, Layers>>()

/**
 * Replaces a property that an object has or inherits. Several callers may do so at a time, and undo it in any
 * order: two servers that drain may share a server of HTTP behind them.
 *
 * @returns an undo function
 */
export function shadow(target: object, name: string, value: unknown): () => void {
  const properties = shadowed.get(target) ?? new Map<string, Layers>()
  shadowed.set(target, properties)
  const own = Object.getOwnPropertyDescriptor(target, name)
  const layers = properties.get(name) ?? { own, laid: [] }
  properties.set(name, layers)
  const layer = { value }
  layers.laid.push(layer)
  define(target, name, value)
  return () => {
    const index = layers.laid.indexOf(layer)
    if (index < 0) return
    const isTop = index === layers.laid.length - 1
    layers.laid.splice(index, 1)
    const below = layers.laid.at(-1)
    if (below) {
      if (isTop) define(target, name, below.value)
      return
    }
    properties.delete(name)
    if (layers.own) Object.defineProperty(target, name, layers.own)
    else Reflect.deleteProperty(target, name)
  }
}

/** Gives an object a property of its own, with the value that it inherits, if it does. */
export function own(target: object, name: string): void {
  if (name in target && !Object.hasOwn(target, name)) {
    define(target, name, (target as Record<string, unknown>)[name])
  }
}

function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, {
    configurable: true,
    enumerable: true,
    writable: true,
    value,
  })
}
