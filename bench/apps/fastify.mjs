import fastify from 'fastify'
import { bare, identity, port, report } from './shared.mjs'

const app = fastify()

if (!bare) await app.register((await import('@endless/fastify')).endlessPlugin)
app.addContentTypeParser('*', (request, payload, done) => done(null, payload))
app.addHook('onRequest', (request, reply, done) => {
  reply.headers(identity)
  done()
})
app.get('/', (request, reply) => reply.send('hello\n'))
app.post('/echo', (request, reply) => reply.send(request.body))

await app.listen({ port, host: '127.0.0.1' })
report(app.server)
