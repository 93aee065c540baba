import { restartable } from '@fastify/restartable'
import { handler, identity, port } from './handler.mjs'

// One process: each restart creates a new app in it, whose number stands for a pid.
let created = 0
const app = await restartable(async (fastify, options) => {
  const own = fastify(options)
  const number = created++
  own.addContentTypeParser('*', (_request, _payload, done) => done(null))
  own.all('/*', (request, reply) => {
    reply.hijack()
    handler(request.raw, withNumber(reply.raw, number))
  })
  return own
}, {})
await app.listen({ port, host: '127.0.0.1' })

process.on('SIGHUP', () => app.restart())
process.once('SIGTERM', async () => {
  await app.close()
  process.exit()
})

function withNumber(response, number) {
  const { setHeader } = response
  response.setHeader = function (name, value) {
    const isPid = name === 'x-pid'
    return setHeader.call(this, name, isPid ? String(Number(identity) * 1_000 + number) : value)
  }
  return response
}
