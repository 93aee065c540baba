import diagnostics from 'node:diagnostics_channel'
import { longestDelayMs } from '../../../core/dist/node/system.js'
import type { Clock, Task } from '../kernel/clock.js'
import { Timer } from '../kernel/timer.js'
import type { World } from './world.js'

type Callback = (...args: unknown[]) => void

const names = [
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'clearImmediate',
] as const

/**
 * Puts the clock of a world in the place of the global timers, on behalf of the process whose turn it is. Node's own
 * timers, such as those of sockets, are not these. Returns an undo function.
 */
export function replaceGlobals(world: World): () => void {
  const { clock } = world
  const own = Object.fromEntries(names.map((name) => [name, globalThis[name]]))
  const clear = (timer: unknown): void => {
    if (timer instanceof Timer) timer.cancel()
    else clearTimeout(timer as NodeJS.Timeout)
  }
  const { clearTimeout } = globalThis
  const fakes: Record<(typeof names)[number], unknown> = {
    setTimeout: (callback: Callback, delayMs = 0, ...args: unknown[]) =>
      startTimer(clock, world, () => callback(...args), delayMs),
    setInterval: (callback: Callback, delayMs = 0, ...args: unknown[]) =>
      startInterval(clock, world, () => callback(...args), delayMs),
    setImmediate: (callback: Callback, ...args: unknown[]) =>
      new Timer(clock.soon(world.current, () => callback(...args))),
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: clear,
  }
  Object.assign(globalThis, fakes)
  const endSubscriptions = separateSubscriptions(world)
  return () => {
    Object.assign(globalThis, own)
    endSubscriptions()
  }
}

/** Lets each process hear only of itself on the channels of `node:diagnostics_channel`, which all share here. */
function separateSubscriptions(world: World): () => void {
  const { subscribe, unsubscribe } = diagnostics
  const wrapped = new Map<diagnostics.ChannelListener, diagnostics.ChannelListener>()
  const ends: (() => void)[] = []
  diagnostics.subscribe = (name, listener) => {
    const owner = world.current
    const own: diagnostics.ChannelListener = (...args) => {
      if (world.current === owner) listener(...args)
    }
    wrapped.set(listener, own)
    ends.push(() => unsubscribe(name, own))
    subscribe(name, own)
  }
  diagnostics.unsubscribe = (name, listener) => unsubscribe(name, wrapped.get(listener) ?? listener)
  return () => {
    Object.assign(diagnostics, { subscribe, unsubscribe })
    for (const end of ends) end()
  }
}

function startTimer(clock: Clock, world: World, run: () => void, delayMs: number): Timer {
  const ms = delayMs >= 1 && delayMs <= longestDelayMs ? delayMs : 1
  return new Timer(clock.at(clock.nowMs + ms, world.current, run, true))
}

function startInterval(clock: Clock, world: World, run: () => void, everyMs: number): Timer {
  const owner = world.current
  const next = (): Task => clock.at(clock.nowMs + everyMs, owner, tick, true)
  const tick = (): void => {
    run()
    timer.go(next)
  }
  const timer: Timer = new Timer(next())
  return timer
}
