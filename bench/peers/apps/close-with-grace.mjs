import closeWithGrace from 'close-with-grace'
import fastify from 'fastify'
import { handler, port } from './handler.mjs'

// As its README shows it, with Fastify, whose app.close() ends the connections.
const app = fastify()
app.addContentTypeParser('*', (_request, _payload, done) => done(null))
app.all('/*', (request, reply) => {
  reply.hijack()
  handler(request.raw, reply.raw)
})
closeWithGrace(() => app.close())
await app.listen({ port, host: '127.0.0.1' })
