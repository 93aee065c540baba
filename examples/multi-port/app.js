// Two servers, one process, one restart for both:  node examples/multi-port/app.js
import { endless, generation } from '@endless/core'

endless((request, response) => response.end('Hello\n')).listen(process.env.PORT ?? 4242)

endless((request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(generation.status()))
}).listen(process.env.STATUS_PORT ?? 4243, 'localhost')
