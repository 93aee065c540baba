import type { Random } from '../torture/random.js'
import {
  type Fate,
  moments,
  type Operation,
  type Role,
  type Step,
  type Target,
} from './operation.js'

// Which operations a round has, from its random numbers alone.

export interface PlanOptions {
  supervised: boolean
  /** Whether the service is stopped in the middle of the round: then nothing dies but of that. */
  stops?: boolean
}

/** Returns the operations of a round: the same ones for the same numbers. */
export function planRound(random: Random, { supervised, stops = false }: PlanOptions): Step[] {
  const steps = open(random, { supervised, stops })
  const count = random.integer(1, 7)
  const kinds = weigh(supervised, stops)
  for (let index = 0; index < count; index++) {
    const operation = create(random, kinds, { supervised, stops })
    const at = random.chance(0.35) ? choose(random, moments) : undefined
    const afterMs = at ? 700 : random.integer(0, random.chance(0.2) ? 1_500 : 250)
    steps.push({ operation, afterMs, ...(at && { at }) })
  }
  return steps
}

/**
 * Returns what a round begins with, mostly a generation that drains already: what follows is a matter of
 * three. Some go on to where three are hardest: one of them dies while the newest boots, or the newest while
 * the middle is busy.
 */
function open(random: Random, { stops = false }: PlanOptions): Step[] {
  if (random.chance(0.3)) return []
  const toFile: Target = { role: 'file', pick: 0 }
  const hold: Operation = { kind: 'hold', how: howToHold(random), forMs: 'ever' }
  const restart: Operation = { kind: 'hang-up', to: toFile }
  const release = (fate: Fate): Operation => ({ kind: 'release', fate })
  const drains: Step[] = [
    { operation: hold, afterMs: 0 },
    { operation: restart, afterMs: 100 },
  ]
  const ready = { afterMs: 3_000, at: 'ready' } as const
  if (stops || random.chance(0.5)) {
    return [...drains, { operation: release(fateOf(random, !stops)), ...ready }]
  }
  // The second one drains for as long as the first, so that it can serve again.
  const second: Step[] = [...drains, { operation: hold, ...ready }]
  if (random.chance(0.5)) {
    const at = choose(random, ['boot', 'listening', 'before SIGTERM', 'taken-over'] as const)
    const kill: Operation = { kind: 'kill', target: target(random, ['serving', 'any']) }
    return [
      ...second,
      { operation: release({ bootMs: random.integer(0, 800) }), afterMs: 100 },
      { operation: restart, afterMs: 0 },
      { operation: kill, afterMs: 3_000, at },
    ]
  }
  const how = choose(random, ['throw', 'exit', 'kill'] as const)
  const dies = choose(random, ['listening', 'serving'] as const)
  const fate: Fate = { dies, how, afterMs: random.integer(0, 150) }
  const block = { afterMs: random.integer(0, 300), forMs: random.integer(300, 1_200) }
  return [
    ...second,
    { operation: release(fate), afterMs: 100 },
    { operation: { kind: 'block', ...block }, afterMs: 0 },
    { operation: restart, afterMs: random.integer(0, 50) },
    { operation: release({}), afterMs: 3_000, at: 'dies' },
  ]
}

type Kind = Operation['kind']

/** How often each kind comes. */
function weigh(supervised: boolean, stops: boolean): readonly (readonly [Kind, number])[] {
  return [
    ['hang-up', 30],
    ['storm', 8],
    ['command', 14],
    ['pause', 12],
    ['kill', stops ? 0 : supervised ? 20 : 16],
    ['release', 14],
    ['hold', 12],
    ['block', 10],
  ]
}

function create(
  random: Random,
  kinds: readonly (readonly [Kind, number])[],
  { supervised, stops = false }: PlanOptions,
): Operation {
  const kind = weighted(random, kinds)
  switch (kind) {
    case 'hang-up':
      return { kind, to: listener(random, supervised) }
    case 'storm': {
      const count = random.integer(2, 6)
      return { kind, to: Array.from({ length: count }, () => listener(random, supervised)) }
    }
    case 'command':
      return { kind, args: commandOf(random) }
    case 'pause': {
      // Longer than the supervisor waits for a predecessor (3 s), and for a control socket (5 s).
      const forMs = random.chance(0.15) ? random.integer(3_000, 6_000) : random.integer(50, 1_500)
      return { kind, target: target(random, supervised ? [...any, 'supervisor'] : any), forMs }
    }
    case 'kill':
      return { kind, target: target(random, any) }
    case 'release':
      return { kind, fate: fateOf(random, !stops) }
    case 'hold': {
      const forMs = random.chance(0.5) ? 'ever' : random.integer(200, 4_000)
      return { kind, how: howToHold(random), forMs }
    }
    case 'block':
      return { kind, afterMs: random.integer(0, 700), forMs: random.integer(100, 1_500) }
  }
}

const any: readonly Role[] = ['serving', 'serving', 'draining', 'oldest', 'booting', 'any']

/** Whom a SIGHUP goes to: mostly the one that it is meant for. */
function listener(random: Random, supervised: boolean): Target {
  const roles: readonly Role[] = supervised ? [...any, 'supervisor', 'supervisor'] : any
  return random.chance(0.5) ? { role: 'file', pick: 0 } : target(random, roles)
}

function target(random: Random, roles: readonly Role[]): Target {
  return { role: choose(random, roles), pick: random.next() }
}

function commandOf(random: Random): string[] {
  if (random.chance(0.4)) return ['status']
  return ['restart', '--wait', choose(random, ['ready', 'drained', 'none'])]
}

function howToHold(random: Random): 'stream' | 'tunnel' {
  return choose(random, ['stream', 'tunnel'])
}

function fateOf(random: Random, mayDie: boolean): Fate {
  const bootMs = random.chance(0.5) ? random.integer(100, 1_500) : 0
  if (!mayDie || random.chance(0.5)) return { bootMs }
  const dies = choose(random, ['booting', 'listening', 'serving'] as const)
  const ways = ['throw', 'exit', 'kill'] as const
  const how = dies === 'booting' && random.chance(0.15) ? 'hang' : choose(random, ways)
  return { bootMs, dies, how, afterMs: random.integer(0, dies === 'booting' ? 300 : 600) }
}

function weighted<T>(random: Random, choices: readonly (readonly [T, number])[]): T {
  const sum = choices.reduce((total, [, weight]) => total + weight, 0)
  let left = random.next() * sum
  for (const [choice, weight] of choices) {
    left -= weight
    if (left < 0) return choice
  }
  throw new Error('nothing to choose from')
}

function choose<T>(random: Random, choices: readonly T[]): T {
  const chosen = choices[random.integer(0, choices.length - 1)]
  if (chosen === undefined) throw new Error('nothing to choose from')
  return chosen
}
