// A gRPC server beside an HTTP server.
import { createServer } from 'node:http'
import grpc from '@grpc/grpc-js'

const text = {
  requestSerialize: Buffer.from,
  requestDeserialize: String,
  responseSerialize: Buffer.from,
  responseDeserialize: String,
}
const server = new grpc.Server()
server.addService(
  {
    answer: {
      path: '/answers.Answers/answer',
      requestStream: false,
      responseStream: false,
      ...text,
    },
  },
  { answer: (call, callback) => callback(null, `pid ${process.pid}`) },
)
server.bindAsync(
  `127.0.0.1:${process.env.GRPC_PORT}`,
  grpc.ServerCredentials.createInsecure(),
  (error) => {
    if (error) throw error
  },
)
createServer((request, response) => {
  response.end(`pid ${process.pid}`)
}).listen(process.env.PORT)
