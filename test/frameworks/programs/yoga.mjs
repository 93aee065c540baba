import { createServer } from 'node:http'
import { createSchema, createYoga } from 'graphql-yoga'

const yoga = createYoga({
  schema: createSchema({
    typeDefs: 'type Query { answer: String }',
    resolvers: { Query: { answer: () => `pid ${process.pid}` } },
  }),
})
createServer(yoga).listen(process.env.PORT)
