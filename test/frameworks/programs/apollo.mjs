import { ApolloServer } from '@apollo/server'
import { startStandaloneServer } from '@apollo/server/standalone'

const server = new ApolloServer({
  csrfPrevention: false, // a plain GET may ask
  typeDefs: 'type Query { answer: String }',
  resolvers: { Query: { answer: () => `pid ${process.pid}` } },
})
await startStandaloneServer(server, { listen: { port: Number(process.env.PORT) } })
