// A service for the units beside this file. It says nothing of systemd: endless does.
import path from 'node:path'
import { endless, generation } from '@endless/core'

const directory = process.env.RUNTIME_DIRECTORY // systemd's, of RuntimeDirectory=

endless(
  (request, response) => {
    response.end(`Hello from generation ${generation.number}, pid ${process.pid}\n`)
  },
  {
    hammerTimeMs: 30_000,
    // For `endless restart` where there is no supervisor; where there is one, the socket is the supervisor's.
    ...(directory && { control: path.join(directory, 'control.sock') }),
  },
).listen(process.env.PORT ?? 3000)
