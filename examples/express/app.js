// An Express app, which `npm run demo` restarts under load:  node examples/express/app.js
import express from 'express'
import { endless, generation } from '@endless/express'

const app = express()
const port = process.env.PORT ?? 3000

app.use((req, res, next) => {
  res.set({ 'x-pid': process.pid, 'x-generation': generation.number })
  next()
})
app.get('/', (req, res) => res.json({ hello: 'world', pid: process.pid }))
app.post('/echo', (req, res) => req.pipe(res))

endless(app).listen(port, () => {
  console.log(`Generation ${generation.number}: kill -HUP ${process.pid} restarts it`)
})
