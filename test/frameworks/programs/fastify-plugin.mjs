// The plugin that `fastify start` loads.
export default async function (app) {
  app.get('/', async () => `pid ${process.pid}`)
}
