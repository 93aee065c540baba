// A service for the systemd units in this folder. It needs no code for systemd, which endless contains.
import path from 'node:path'
import { endless, generation } from '@endless/core'

const directory = process.env.RUNTIME_DIRECTORY // set by RuntimeDirectory= in the unit

endless(
  (request, response) => {
    response.end(`Hello from generation ${generation.number}, pid ${process.pid}\n`)
  },
  {
    hammerTimeMs: 30_000,
    // For `endless restart`. Under `endless run`, the supervisor listens on this socket instead.
    ...(directory && { control: path.join(directory, 'control.sock') }),
  },
).listen(process.env.PORT ?? 3000)
