import fastify from 'fastify'
import { bare, identity, port, report } from './shared.mjs'

const app = fastify()

if (!bare) await app.register((await import('@endless/fastify')).endlessPlugin)
// Routes in a plugin, as Fastify's documentation has them. With its first plugin, be it empty, an app needs 3 to 18 %
// more CPU time for a request (Fastify 5.12, Node 20): without one of its own, that would be what is measured.
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
