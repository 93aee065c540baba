// The plugin that `fastify start` loads.
// fastify-cli demands two parameters.
// eslint-disable-next-line no-unused-vars
export default async function (app, options) {
  app.get('/', async () => `pid ${process.pid}`)
}
