// An Express app with a health route:  node examples/kubernetes/express.js
import express from 'express'
import { endless, generation } from '@endless/express'

const app = express()

app.get('/health', (request, response) => {
  const isLeaving = generation.state === 'shutting-down' && !generation.hasSuccessor
  response.status(isLeaving ? 503 : 200).send(generation.state)
})
app.get('/', (request, response) => {
  response.send(`Hello from generation ${generation.number}, pid ${process.pid}\n`)
})

endless(app, {
  shutdownDelayMs: Number(process.env.SHUTDOWN_DELAY_MS ?? 0),
  hammerTimeMs: Number(process.env.HAMMER_TIME_MS ?? 60_000),
}).listen(process.env.PORT ?? 3000)
