import Fastify from 'fastify'

const app = Fastify()
app.get('/', async () => `pid ${process.pid}`)
await app.listen({ port: Number(process.env.PORT) })
