// A service for a container:  npx endless run examples/docker/app.js
import { endless, generation } from '@endless/core'

endless(
  (request, response) => {
    response.end(`Hello from generation ${generation.number}, pid ${process.pid}\n`)
  },
  { hammerTimeMs: 7_000 }, // `docker stop` kills after 10 s
).listen(process.env.PORT ?? 3000)
