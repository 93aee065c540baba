// A Fastify app:  node examples/fastify/app.js
import Fastify from 'fastify'
import { endlessPlugin } from '@endless/fastify'

const app = Fastify({ logger: true })

await app.register(endlessPlugin)
app.get('/', async () => ({ hello: 'world', pid: process.pid }))
app.addHook('onClose', () => app.log.info('drained: disconnecting from the database'))

await app.listen({ port: process.env.PORT ?? 3000 })
