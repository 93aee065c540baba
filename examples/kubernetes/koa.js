// A Koa app with a health route:  node examples/kubernetes/koa.js
import Koa from 'koa'
import { endless, generation } from '@endless/koa'

const app = new Koa()

app.use(async (context, next) => {
  if (context.path !== '/health') return next()
  const isLeaving = generation.state === 'shutting-down' && !generation.hasSuccessor
  Object.assign(context, { status: isLeaving ? 503 : 200, body: generation.state })
})
app.use((context) => {
  context.body = `Hello from generation ${generation.number}, pid ${process.pid}\n`
})

endless(app, {
  shutdownDelayMs: Number(process.env.SHUTDOWN_DELAY_MS ?? 0),
  hammerTimeMs: Number(process.env.HAMMER_TIME_MS ?? 60_000),
}).listen(process.env.PORT ?? 3000)
