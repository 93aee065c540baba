// A version that turns bad in the way that a request names: /rollback, /kill or /block; or at once, with 500 in the place
// of 200, for the share that the file in ERRORS says. Control socket: CONTROL.
import http from 'node:http'
import { existsSync, readFileSync } from 'node:fs'
import { handler } from './node-handler.mjs'
import { port, report, say } from './shared.mjs'

const { endless, generation } = await import('@endless/core')

const { CONTROL, ERRORS } = process.env
const errors = ERRORS && existsSync(ERRORS) ? Number(readFileSync(ERRORS, 'utf8')) : 0
const ways = {
  '/rollback': () => generation.rollback('it says so'),
  '/kill': () => process.kill(process.pid, 'SIGKILL'),
  '/block': () => {
    for (;;);
  },
}

const plain = http.createServer((request, response) => {
  ways[request.url]?.()
  if (Math.random() < errors) response.statusCode = 500
  handler(request, response)
})

const options = CONTROL ? { control: CONTROL } : {}
const server = endless(plain, options).listen(port, '127.0.0.1', () => report(server))

// No event says that a predecessor has drained and stays behind.
generation.on('taken-over', () => {
  const look = setInterval(() => {
    // The new version may have died meanwhile.
    if (generation.state === 'running') clearInterval(look)
    if (generation.state !== 'staying-behind') return
    clearInterval(look)
    say('behind')
  }, 5)
})
