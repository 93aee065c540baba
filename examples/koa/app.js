// A Koa app:  node examples/koa/app.js
import Koa from 'koa'
import { endless, generation } from '@endless/koa'

const app = new Koa()

app.use((context) => {
  context.body = { hello: 'world', pid: process.pid }
})

endless(app).listen(process.env.PORT ?? 3000, () => {
  console.log(`Generation ${generation.number}: kill -HUP ${process.pid} restarts it`)
})
