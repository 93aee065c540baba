import { initTRPC } from '@trpc/server'
import { createHTTPServer } from '@trpc/server/adapters/standalone'

const { router, procedure } = initTRPC.create()
const appRouter = router({ answer: procedure.query(() => `pid ${process.pid}`) })
createHTTPServer({ router: appRouter }).listen(Number(process.env.PORT))
