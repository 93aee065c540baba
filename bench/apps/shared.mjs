// What all apps here have in common: they answer with the same headers, and report on stdout.

/** Without endless: the same app, alone. */
export const bare = process.argv.includes('--bare')

export const port = Number(process.env.PORT ?? 0)

const number = bare ? 0 : (await import('@endless/core')).generation.number

export const identity = { 'x-pid': String(process.pid), 'x-generation': String(number) }

export function report(server) {
  const ready = { event: 'ready', pid: process.pid, generation: number }
  console.log(JSON.stringify({ ...ready, port: server.address().port }))
}
