import fastify from 'fastify'
import { bare, identity, port, report } from './shared.mjs'

// The Fastify app of the benchmarks.

const app = fastify()

if (!bare) await app.register((await import('@endless/fastify')).endlessPlugin)
// Routes in a plugin, as in Fastify's documentation. The first plugin of an app, even an empty plugin, costs
// 3 to 18 % more CPU time per request (Fastify 5.12, Node 20). Without this plugin, endless would seem to
// cause that cost.
await app.register(async (routes) => {
  routes.addContentTypeParser('*', (request, payload, done) => done(null, payload))
  routes.addHook('onRequest', (request, reply, done) => {
    reply.headers(identity)
    done()
  })
  routes.get('/', (request, reply) => reply.send('hello\n'))
  routes.post('/echo', (request, reply) => reply.send(request.body))
})

await app.listen({ port, host: '127.0.0.1' })
report(app.server)
