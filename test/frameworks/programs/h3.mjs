import { H3, serve } from 'h3'

const app = new H3()
app.get('/', () => `pid ${process.pid}`)
serve(app, { port: Number(process.env.PORT), silent: true })
