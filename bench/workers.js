// Checks what several workers promise, and compares them with node:cluster and with PM2, which it installs.
//   npm run bench -- workers --part rolls --part kills --quick
import * as blocking from './workers/blocking.js'
import * as evenness from './workers/evenness.js'
import * as kills from './workers/kills.js'
import * as rolls from './workers/rolls.js'
import * as split from './workers/split.js'
import * as throughput from './workers/throughput.js'
import * as trend from './workers/trend.js'

const parts = { throughput, rolls, kills, evenness, split, blocking, trend }

export async function run({ part: names = Object.keys(parts), quick, app }) {
  const unknown = names.filter((name) => !Object.hasOwn(parts, name))
  if (unknown.length > 0) {
    throw new Error(
      `Unknown part ${unknown.join(', ')}: choose from ${Object.keys(parts).join(', ')}`,
    )
  }
  let met = true
  for (const name of names) met = (await parts[name].run({ quick, app })) && met
  return met
}
