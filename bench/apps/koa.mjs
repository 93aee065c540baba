import Koa from 'koa'
import { bare, identity, port, report } from './shared.mjs'

// The Koa app of the benchmarks.

const { endless } = bare ? { endless: (app) => app } : await import('@endless/koa')
const app = new Koa()

app.use((context) => {
  context.set(identity)
  context.body = context.method === 'POST' ? context.req : 'hello\n'
})

const server = endless(app).listen(port, '127.0.0.1', () => report(server))
