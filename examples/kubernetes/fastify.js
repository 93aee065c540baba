// A Fastify app with a health route:  node examples/kubernetes/fastify.js
import Fastify from 'fastify'
import { endlessPlugin, generation } from '@endless/fastify'

const app = Fastify({ logger: true })

await app.register(endlessPlugin, {
  shutdownDelayMs: Number(process.env.SHUTDOWN_DELAY_MS ?? 0),
  hammerTimeMs: Number(process.env.HAMMER_TIME_MS ?? 60_000),
})
app.get('/health', async (request, reply) => {
  const isLeaving = generation.state === 'shutting-down' && !generation.hasSuccessor
  return reply.code(isLeaving ? 503 : 200).send(generation.state)
})
app.get('/', async () => `Hello from generation ${generation.number}, pid ${process.pid}\n`)

await app.listen({ port: process.env.PORT ?? 3000, host: '::' })
