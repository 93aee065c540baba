// Runs the named benchmarks, or all of them.
//   npm run bench -- restart throughput --app koa --quick
import { parseArgs } from 'node:util'
import { endAll } from '@endless/load'

const names = [
  'restart',
  'latency',
  'idle',
  'web-sockets',
  'memory',
  'throughput',
  'start',
  'leaks',
  'rollback',
  'supervisor',
  'run-cost',
  'udp',
  'rehearse',
  'workers',
]

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    app: { type: 'string', multiple: true },
    part: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
  },
})
const unknown = positionals.filter((name) => !names.includes(name))
if (unknown.length > 0) {
  console.error(`Unknown benchmark ${unknown.join(', ')}: choose from ${names.join(', ')}`)
  process.exit(2)
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  // The exit also ends every program that was started; see `startProgram`.
  process.once(signal, () => process.exit(1))
}

let met = true
try {
  for (const name of positionals.length > 0 ? positionals : names) {
    const { run } = await import(`./${name}.js`)
    met = (await run(values)) && met
  }
} finally {
  await endAll()
}
process.exitCode = met ? 0 : 1
