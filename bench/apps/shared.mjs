// Shared by all apps: their arguments, their response headers, and their events on stdout.

/** Whether the app runs without endless. */
export const bare = process.argv.includes('--bare')

export const port = Number(process.env.PORT ?? 0)

const generation = bare ? undefined : (await import('@endless/core')).generation
const number = generation?.number ?? 0

export const identity = { 'x-pid': String(process.pid), 'x-generation': String(number) }

export function report(server) {
  say('ready', { port: server.address().port })
}

// 'taken-over': this process accepts no more. 'terminate': all its connections have moved or ended.
for (const event of ['taken-over', 'terminate']) generation?.on(event, () => say(event))

export function say(event, details) {
  const { pid } = process
  const atMs = performance.timeOrigin + performance.now()
  console.log(JSON.stringify({ event, pid, generation: number, atMs, ...details }))
}
