// The plugin that `fastify start` loads.
export default async function (app, options) {
  app.get('/', async () => `pid ${process.pid}`)
}
