// Slow routes, to see what a restart does to them:  node examples/test-server/app.js
//   curl 'localhost:4242/sleep?ms=10000'     responds after ten seconds, from the generation that was asked
//   curl -N 'localhost:4242/stream?ms=10000' writes a line each second, for ten seconds
//   curl -d hello localhost:4242/echo        sends the request body back
// Meanwhile restart it with kill -HUP. A response that takes longer than HAMMER_TIME_MS is cut off.
import { setTimeout as sleep } from 'node:timers/promises'
import { endless, generation } from '@endless/core'

const whoAnswers = () => `generation ${generation.number}, pid ${process.pid}\n`

const routes = {
  '/': (request, response) => response.end(whoAnswers()),
  '/sleep': async (request, response, ms) => {
    await sleep(ms)
    response.end(whoAnswers())
  },
  '/stream': async (request, response, ms) => {
    const endsAt = Date.now() + ms
    while (Date.now() < endsAt && !response.destroyed) {
      response.write(whoAnswers())
      await sleep(Math.min(ms, 1_000))
    }
    response.end('done\n')
  },
  '/echo': (request, response) => request.pipe(response),
}

endless(
  (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost')
    const route = routes[pathname]
    if (route) route(request, response, Number(searchParams.get('ms') ?? 1_000))
    else response.writeHead(404).end('Try /, /sleep, /stream or /echo\n')
  },
  { hammerTimeMs: Number(process.env.HAMMER_TIME_MS ?? 60_000) },
).listen(process.env.PORT ?? 4242)
