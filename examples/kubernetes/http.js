// A node:http service with a health route:  node examples/kubernetes/http.js
import { endless, generation } from '@endless/core'

endless(
  (request, response) => {
    if (request.url === '/health') {
      const isLeaving = generation.state === 'shutting-down' && !generation.hasSuccessor
      response.writeHead(isLeaving ? 503 : 200).end(generation.state)
    } else response.end(`Hello from generation ${generation.number}, pid ${process.pid}\n`)
  },
  {
    shutdownDelayMs: Number(process.env.SHUTDOWN_DELAY_MS ?? 0),
    hammerTimeMs: Number(process.env.HAMMER_TIME_MS ?? 60_000),
  },
).listen(process.env.PORT ?? 3000)
