import type { LoadOptions } from '@endless/load'

// The frameworks that are restarted, with the versions that are installed. The table of docs/frameworks.md is this one.

/** A program that has never heard of endless. */
export interface Row {
  /** As docs/frameworks.md names it. */
  name: string
  /** The package whose version the table shows; none for Node's own. */
  package?: string
  /** A program of test/frameworks/programs; or a command, below `node_modules`, with its arguments. */
  program: string
  args?: string[]
  /** Options of Node; with them the row runs `endless run -- node OPTIONS PROGRAM`. */
  execArgv?: string[]
  /** Major version of Node, if it is not the one of the tests. */
  node?: string
  /** The path of a request that is answered with 200. @default '/' */
  path?: string
  /** What every generation that has left must have logged: its own clean-up. */
  cleanUp?: RegExp
  /** Whether the packages of `test/package.json` are enough: then CI restarts it too. */
  isInSlice?: boolean
  /**
   * What is loaded before the program, with `register` in its place: then nothing supervises the program.
   * @default it runs under `endless run`
   */
  preloads?: string[]
  /** A program that makes calls of another protocol meanwhile, and reports those that failed. */
  client?: string
  /** Where it differs from that of the other rows. */
  load?: Partial<LoadOptions>
  /** What the program itself ends with after SIGTERM. @default 0 */
  exitCode?: number
}

/**
 * For a program that needs milliseconds of CPU for each request: less than it can answer while its successor boots.
 * See docs/decisions.md, "A server with more than it can do accepts late"
 */
const lightLoad: Partial<LoadOptions> = { thinkMs: [100, 300], freshPerSecond: 20 }

/** Exact versions of everything that the programs import. */
export const packages: Record<string, string> = {
  '@apollo/server': '5.5.1',
  '@feathersjs/feathers': '5.0.50',
  '@feathersjs/koa': '5.0.50',
  '@godaddy/terminus': '4.12.1',
  '@grpc/grpc-js': '1.14.7',
  '@hono/node-server': '2.1.9',
  '@modelcontextprotocol/sdk': '1.32.2',
  '@nestjs/common': '12.5.1',
  '@nestjs/core': '12.5.1',
  '@nestjs/platform-express': '12.5.1',
  '@nestjs/platform-fastify': '12.5.0',
  '@opentelemetry/api': '1.9.1',
  '@opentelemetry/auto-instrumentations-node': '0.81.2',
  '@sentry/node': '11.12.0',
  '@swc-node/register': '1.12.1',
  '@trpc/server': '11.25.2',
  '@types/node': '20.19.43',
  'dd-trace': '5.132.0',
  express: '5.3.0',
  'express-generator': '4.16.1',
  fastify: '5.12.8',
  'fastify-cli': '8.0.2',
  graphql: '16.15.0',
  'graphql-yoga': '5.24.1',
  h3: '2.0.8',
  hono: '4.13.19',
  koa: '3.3.0',
  next: '16.4.6',
  nitro: '3.0.0',
  nitropack: '2.13.6',
  react: '19.3.1',
  'react-dom': '19.3.1',
  'reflect-metadata': '0.2.2',
  rxjs: '7.8.2',
  'socket.io': '4.8.4',
  'ts-node': '10.9.2',
  tsx: '4.23.15',
  typescript: '5.9.3',
}

/** Apps in directories of test/frameworks/programs that have to be built, and the commands for it, below `node_modules`. */
export const builds: Record<string, string[]> = {
  next: ['next/dist/bin/next', 'build', 'next'],
  nitro: ['nitro/dist/cli/index.mjs', 'build', '--dir', 'nitro', '--preset', 'node-server'],
  nitropack: ['nitropack/dist/cli/index.mjs', 'build', '--dir', 'nitropack'],
}

/** Stands for the preload of endless. */
export const register = '@endless/core/register'

/** Tools that watch a program from inside. */
const agents = [
  {
    name: 'OpenTelemetry',
    package: '@opentelemetry/auto-instrumentations-node',
    preload: '@opentelemetry/auto-instrumentations-node/register',
  },
  { name: 'Sentry', package: '@sentry/node', preload: './sentry.mjs' },
  { name: 'dd-trace', package: 'dd-trace', preload: 'dd-trace/initialize.mjs' },
]

const nestShutsDown = /^pid (\d+) shuts down by SIGTERM$/

export const rows: Row[] = [
  { name: 'node:http', program: 'node-http.mjs', isInSlice: true },
  {
    name: "Express's `bin/www`",
    package: 'express-generator',
    program: 'generated/bin/www',
  },
  { name: 'Express', package: 'express', program: 'express.mjs', isInSlice: true },
  { name: 'Koa', package: 'koa', program: 'koa.mjs', isInSlice: true },
  { name: 'Fastify', package: 'fastify', program: 'fastify.mjs', isInSlice: true },
  {
    name: '`fastify start`',
    package: 'fastify-cli',
    program: 'node_modules/fastify-cli/cli.js',
    args: ['start', 'fastify-plugin.mjs'],
  },
  ...['express', 'fastify'].flatMap((platform): Row[] => [
    {
      name: `Nest on ${platform === 'express' ? 'Express' : 'Fastify'}`,
      package: `@nestjs/platform-${platform}`,
      program: 'nest.mjs',
      args: [platform],
    },
    {
      name: `Nest on ${platform === 'express' ? 'Express' : 'Fastify'}, with \`enableShutdownHooks()\``,
      package: `@nestjs/platform-${platform}`,
      program: 'nest.mjs',
      args: [platform, 'hooks'],
      cleanUp: nestShutsDown,
    },
  ]),
  { name: 'Hono', package: 'hono', program: 'hono.mjs' },
  {
    name: 'Next, standalone',
    package: 'next',
    program: 'next/.next/standalone/next/server.js',
    load: lightLoad,
    exitCode: 143,
  },
  {
    name: 'GraphQL Yoga',
    package: 'graphql-yoga',
    program: 'yoga.mjs',
    path: '/graphql?query=%7Banswer%7D',
  },
  {
    name: 'Apollo, `startStandaloneServer`',
    package: '@apollo/server',
    program: 'apollo.mjs',
    path: '/?query=%7Banswer%7D',
  },
  { name: 'tRPC, standalone', package: '@trpc/server', program: 'trpc.mjs', path: '/answer' },
  { name: 'h3', package: 'h3', program: 'h3.mjs' },
  { name: 'Nitro', package: 'nitro', program: 'nitro/.output/server/index.mjs' },
  {
    name: 'Nitro 2, which Nuxt is built with',
    package: 'nitropack',
    program: 'nitropack/.output/server/index.mjs',
    path: '/answer.txt',
  },
  { name: 'Feathers', package: '@feathersjs/koa', program: 'feathers.mjs', path: '/answer' },
  { name: 'socket.io', package: 'socket.io', program: 'socket.io.mjs', isInSlice: true },
  {
    name: 'gRPC beside HTTP',
    package: '@grpc/grpc-js',
    program: 'grpc.mjs',
    client: 'grpc-client.mjs',
  },
  {
    name: 'MCP over HTTP',
    package: '@modelcontextprotocol/sdk',
    program: 'mcp.mjs',
    client: 'mcp-client.mjs',
  },
  ...agents.flatMap(({ name, preload, ...row }): Row[] => [
    {
      ...row,
      name: `${name}, loaded before`,
      program: 'express.mjs',
      preloads: [preload, register],
      load: lightLoad,
    },
    {
      ...row,
      name: `${name}, loaded after`,
      program: 'express.mjs',
      preloads: [register, preload],
      load: lightLoad,
    },
  ]),
  ...[
    { package: 'tsx', execArgv: ['--import', 'tsx'] },
    { package: 'ts-node', execArgv: ['--require', 'ts-node/register'] },
    { package: '@swc-node/register', execArgv: ['--import', '@swc-node/register/esm-register'] },
  ].map((row) => ({ ...row, name: `TypeScript, by ${row.package}`, program: 'typescript.ts' })),
  { name: 'TypeScript, by Node 24', program: 'typescript.ts', node: '24' },
  {
    name: 'terminus',
    package: '@godaddy/terminus',
    program: 'terminus.mjs',
    cleanUp: /^pid (\d+) cleans up$/,
  },
]

/** The lines of the table in docs/frameworks.md, each as its cells. */
export function tableLines(): string[][] {
  return rows.map((row) => [row.name, row.package ? (packages[row.package] ?? '') : ''])
}
