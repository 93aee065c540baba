import express from 'express'
import { bare, identity, port, report } from './shared.mjs'

// The Express app of the benchmarks.

const { endless } = bare ? { endless: (app) => app } : await import('@endless/express')
const app = express()

app.use((request, response, next) => {
  response.set(identity)
  next()
})
app.get('/', (request, response) => response.send('hello\n'))
app.post('/echo', (request, response) => request.pipe(response))

const server = endless(app).listen(port, '127.0.0.1', () => report(server))
