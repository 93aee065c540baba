// The smallest service:  node examples/http/app.js
import { endless, generation } from '@endless/core'

endless((request, response) => {
  response.end(`Hello from generation ${generation.number}, pid ${process.pid}\n`)
}).listen(process.env.PORT ?? 4242)

generation.on('ready', () => console.log(`kill -HUP ${process.pid} restarts it`))
