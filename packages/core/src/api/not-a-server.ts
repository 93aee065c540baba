import net from 'node:net'

// What to pass to `endless()` instead of something that is neither a server nor a handler.

interface Kind {
  /** Methods and properties by which it is told from everything else. */
  readonly has: readonly string[]
  readonly is: string
  readonly instead: string
}

const withoutCode =
  'run the program with `endless run`, or with `node --import @endless/core/register`'

/** The first that fits is named: what has more of its own stands first. */
const kinds: readonly Kind[] = [
  {
    has: ['registerSignalHook', 'terminated'],
    is: 'an endless server',
    instead: 'keep what the first call of endless() returned',
  },
  {
    has: ['register', 'inject'],
    is: 'a Fastify app',
    instead: 'use app.register(endlessPlugin) of @endless/fastify instead',
  },
  {
    has: ['getHttpServer', 'getHttpAdapter'],
    is: 'a Nest app',
    instead: 'call endless(app.getHttpServer()), and then app.listen(3000) as before',
  },
  {
    has: ['executeOperation', 'start', 'stop'],
    is: 'an Apollo server',
    instead: `pass the HTTP server that it is mounted on; with startStandaloneServer, ${withoutCode}`,
  },
  {
    has: ['bindAsync', 'addService'],
    is: 'a gRPC server',
    instead: `it opens its sockets itself, so ${withoutCode}`,
  },
  {
    has: ['engine', 'of', 'sockets'],
    is: 'a socket.io server',
    instead: 'pass the HTTP server that it is attached to',
  },
  {
    has: ['handleUpgrade', 'clients'],
    is: 'a WebSocket server',
    instead: 'create it with { server }, and pass that HTTP server',
  },
  {
    has: ['route', 'inject', 'listener'],
    is: 'a hapi server',
    instead: 'call endless(server.listener), and then server.start() as before',
  },
  {
    has: ['callback', 'use'],
    is: 'a Koa app',
    instead: 'use endless() of @endless/koa instead',
  },
  {
    has: ['fetch', '~routes'],
    is: 'an h3 app',
    instead: 'pass toNodeHandler(app) of h3',
  },
  {
    has: ['handler', 'stack', 'use'],
    is: 'an h3 app',
    instead: 'pass toNodeListener(app) of h3',
  },
  {
    has: ['fetch', 'basePath'],
    is: 'a Hono app',
    instead: 'pass createAdaptorServer(app) of @hono/node-server',
  },
  {
    has: ['fetch'],
    is: 'an app with fetch()',
    instead: 'pass the handler or the server that its adapter for Node makes of it',
  },
  { has: ['then'], is: 'a promise', instead: 'await it first' },
]

/** Describes a value for an error: `an object`, `null`; for what can be told, also what to pass instead. */
export function describeNoServer(x: unknown): string {
  if (x === null || x === undefined) return String(x)
  if (typeof x === 'number' || typeof x === 'string') {
    return `a ${typeof x}: the address belongs to listen, as in endless(app).listen(3000)`
  }
  if (typeof x !== 'object') return `a ${typeof x}`
  const kind = kinds.find(({ has }) => has.every((name) => name in x))
  if (kind) return `${kind.is}: ${kind.instead}`
  const { server } = x as { server?: unknown }
  if (server instanceof net.Server) return 'an object with a server: pass its property `server`'
  return 'an object'
}
