// Calls the gRPC server of grpc.mjs without a pause, and reports how many calls have failed when it gets SIGTERM.
import grpc from '@grpc/grpc-js'

const client = new grpc.Client(
  `127.0.0.1:${process.env.GRPC_PORT}`,
  grpc.credentials.createInsecure(),
)
const failures = []
let answered = 0
let isOver = false

function call() {
  client.makeUnaryRequest('/answers.Answers/answer', Buffer.from, String, 'who', (error) => {
    if (error) failures.push(error.message)
    else answered++
    if (!isOver) setTimeout(call, 2)
    else {
      console.log(JSON.stringify({ event: 'called', pid: process.pid, answered, failures }))
      process.exit()
    }
  })
}

client.waitForReady(Date.now() + 10_000, (error) => {
  if (error) throw error
  call()
  console.log(JSON.stringify({ event: 'calling', pid: process.pid }))
})
process.on('SIGTERM', () => (isOver = true))
