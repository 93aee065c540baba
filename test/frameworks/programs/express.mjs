import express from 'express'

const app = express()
app.get('/', (request, response) => {
  response.send(`pid ${process.pid}`)
})
app.listen(process.env.PORT, (error) => {
  if (error) throw error
  console.log('listening')
})
